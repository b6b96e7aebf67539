/** What the browser keeps from visit to visit. Where it keeps nothing, nothing is kept. */

export function kept(name: string): string | null {
  try {
    return localStorage.getItem(name);
  } catch {
    return null;
  }
}

export function keep(name: string, value: string): void {
  try {
    localStorage.setItem(name, value);
  } catch {
    // It forbids that, or is full.
  }
}

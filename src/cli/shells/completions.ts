/** The completion script of a shell. Pure. */

import { bashCompletions } from "./bash.ts";
import { fishCompletions } from "./fish.ts";
import { powershellCompletions } from "./powershell.ts";
import type { Shell } from "./surface.ts";
import { zshCompletions } from "./zsh.ts";

const scripts = {
  bash: bashCompletions,
  zsh: zshCompletions,
  fish: fishCompletions,
  powershell: powershellCompletions,
} as const;

export function completions(shell: Shell): string {
  return scripts[shell]();
}

/** Curves over a common count, as SVG: each in a field of its own with its own scale. Pure. */

export type Curve = { readonly label: string; readonly unit: string; readonly values: readonly number[] };

const [left, right, top, fieldHeight, gap, plotWidth] = [250, 90, 40, 64, 18, 560];
const font = 'font-family="sans-serif" font-size="12"';

/** Values that are not finite are gaps. */
export function linePlot(title: string, curves: readonly Curve[]): string {
  const [width, height] = [left + plotWidth + right, top + curves.length * (fieldHeight + gap)];
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" ${font}>`,
    `<rect width="${width}" height="${height}" fill="white"/>`,
    `<text x="12" y="22" font-size="15">${escaped(title)}</text>`,
    ...curves.map((curve, index) => field(curve, top + index * (fieldHeight + gap))),
    "</svg>\n",
  ].join("\n");
}

function field({ label, unit, values }: Curve, y: number): string {
  const known = values.filter(Number.isFinite);
  const [low, high] = known.length === 0 ? [0, 1] : [Math.min(0, ...known), Math.max(...known) * 1.1 || 1];
  const at = (value: number, index: number) => {
    const x = left + index / Math.max(1, values.length - 1) * plotWidth;
    return `${x.toFixed(1)},${(y + fieldHeight * (1 - (value - low) / (high - low))).toFixed(1)}`;
  };
  const lines = runs(values).map((run) =>
    `<polyline fill="none" stroke="#3b6ea5" stroke-width="1.3" points="${
      run.map(({ value, index }) => at(value, index)).join(" ")
    }"/>`
  );
  const last = known.at(-1);
  return `<rect x="${left}" y="${y}" width="${plotWidth}" height="${fieldHeight}" fill="none" stroke="#dddddd"/>` +
    `<text x="${left - 8}" y="${y + fieldHeight / 2}" text-anchor="end">${escaped(label)}</text>` +
    (last === undefined
      ? ""
      : `<text x="${left + plotWidth + 6}" y="${y + fieldHeight / 2}">${shown(last)} ${unit}</text>`) +
    lines.join("");
}

/** What stands between gaps. */
function runs(values: readonly number[]): { readonly value: number; readonly index: number }[][] {
  const all: { readonly value: number; readonly index: number }[][] = [[]];
  values.forEach((value, index) => {
    if (Number.isFinite(value)) all.at(-1)!.push({ value, index });
    else all.push([]);
  });
  return all.filter((run) => run.length > 0);
}

function shown(value: number): string {
  return value.toFixed(Math.abs(value) >= 100 ? 0 : 1);
}

function escaped(content: string): string {
  return content.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;");
}

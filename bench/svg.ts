/** A bar chart as SVG: shares of a limit, which is drawn as a line. Pure. */

export type Bar = {
  readonly label: string;
  /** 1 is the limit. */
  readonly value: number;
  /** Bars of a group have one colour. */
  readonly group: string;
};

const [labelWidth, plotWidth, rowHeight, top] = [300, 420, 22, 56];
const colours = ["#3b6ea5", "#c0713a", "#5b8f49", "#8a5a9e", "#8c8c3d", "#555555"];

/** Draws the bars from top to bottom. The axis ends at the next quarter above the longest, at least at the limit. */
export function renderSvg(title: string, bars: readonly Bar[]): string {
  const longest = Math.max(1, ...bars.map(({ value }) => value));
  const axisMax = Math.ceil(longest * 4) / 4;
  const x = (value: number) => labelWidth + value / axisMax * plotWidth;
  const [width, height] = [labelWidth + plotWidth + 70, top + bars.length * rowHeight + 16];
  const groups = [...new Set(bars.map(({ group }) => group))];
  const colour = (group: string) => colours[groups.indexOf(group) % colours.length]!;
  const ticks = Array.from({ length: axisMax * 4 + 1 }, (_, index) => index / 4);
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" width="${width}" height="${height}" viewBox="0 0 ${width} ${height}" ` +
    `font-family="sans-serif" font-size="12">`,
    `<rect width="${width}" height="${height}" fill="white"/>`,
    text(12, 22, title, 'font-size="15"'),
    ...ticks.map((tick) => axisLine(x(tick), height, tick)),
    ...bars.map((bar, row) => barShapes(bar, top + row * rowHeight, x, colour(bar.group))),
    "</svg>\n",
  ].join("\n");
}

function axisLine(x: number, height: number, tick: number): string {
  const stroke = tick === 1 ? 'stroke="black" stroke-width="1.5"' : 'stroke="#dddddd"';
  return text(x, top - 8, percent(tick), 'text-anchor="middle" fill="#555555"') +
    `<line x1="${at(x)}" y1="${top - 4}" x2="${at(x)}" y2="${height - 12}" ${stroke}/>`;
}

function barShapes(bar: Bar, y: number, x: (value: number) => number, colour: string): string {
  const width = Math.max(0, x(bar.value) - x(0));
  return text(labelWidth - 8, y + 15, bar.label, 'text-anchor="end"') +
    `<rect x="${at(x(0))}" y="${y + 3}" width="${at(width)}" height="${rowHeight - 6}" fill="${colour}"/>` +
    text(x(bar.value) + 5, y + 15, percent(bar.value));
}

function text(x: number, y: number, content: string, attributes = ""): string {
  return `<text x="${at(x)}" y="${y}"${attributes ? ` ${attributes}` : ""}>${escape(content)}</text>`;
}

function percent(value: number): string {
  return `${(value * 100).toFixed(0)} %`;
}

function at(position: number): string {
  return String(Number(position.toFixed(1)));
}

function escape(content: string): string {
  return content.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;");
}

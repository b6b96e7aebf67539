/** What docs/speed.md draws, as SVG. In: measured points. Out: pictures by their file names. Pure. */

import type { Precision } from "./cost.ts";

export type Point = {
  readonly clip: string;
  readonly weights: Precision;
  readonly threads: number;
  readonly seconds: number;
  /** Of the whole program: the best wall time, the best processor time of all threads, the largest resident set. */
  readonly wallMs: number;
  readonly cpuMs: number;
  readonly peakBytes: number;
};

export type Curves = {
  readonly when: string;
  /** `load`: processes that wanted a processor, ours included, averaged over a minute. */
  readonly machine: { readonly cpu: string; readonly cores: number; readonly load: number };
  readonly model: string;
  readonly points: readonly Point[];
  /** Seconds from a word's end to its commit, ascending, by rule of --commit. */
  readonly delays: readonly { readonly rule: string; readonly seconds: readonly number[] }[];
};

/** What stands on an axis, and a value for each of two kinds of bars. */
type Row = { readonly label: string; readonly values: readonly number[] };
type Chart = {
  readonly title: string;
  readonly unit: string;
  /** Names of the kinds of bars. */
  readonly kinds: readonly string[];
  readonly rows: readonly Row[];
};

/** Whether other programs had a part in the wall times: then the pictures say so. */
export function isBusy({ machine }: Curves): boolean {
  return machine.load > machine.cores + 0.5;
}

export function pointName({ clip, weights, threads }: Pick<Point, "clip" | "weights" | "threads">): string {
  return `${clip} ${weights} -t ${threads}`;
}

export function renderCurves(curves: Curves): Record<string, string> {
  const { points } = curves;
  const most = Math.max(...points.map(({ threads }) => threads));
  const lengths = points.filter(({ weights, threads }) => weights === "int8" && threads === most)
    .toSorted((a, b) => a.seconds - b.seconds);
  const middle = points.filter(({ clip }) => clip === "en-weather");
  const times = (title: string, chosen: readonly Point[], label: (point: Point) => string): Chart => ({
    title,
    unit: "s",
    kinds: ["wall time", "processor time, all threads"],
    rows: chosen.map((point) => ({ label: label(point), values: [point.wallMs / 1000, point.cpuMs / 1000] })),
  });
  const charts: Record<string, Chart> = {
    "speed-length.svg": times(
      `Length of a recording (int8, -t ${most}, -S 30)`,
      lengths,
      (p) => `${p.seconds.toFixed(1)} s`,
    ),
    "speed-precision.svg": times(
      `Precision (10.4 s, -t ${most})`,
      middle.filter(({ threads }) => threads === most).toSorted((a, b) => b.cpuMs - a.cpuMs),
      ({ weights }) => weights,
    ),
    "speed-threads.svg": times(
      "Threads (10.4 s, int8)",
      middle.filter(({ weights }) => weights === "int8").toSorted((a, b) => a.threads - b.threads),
      ({ threads }) => `-t ${threads}`,
    ),
    "speed-memory.svg": {
      title: "Peak memory",
      unit: "GB",
      kinds: ["resident set"],
      rows: points.filter(({ threads }) => threads === most)
        .map((point) => ({
          label: `${point.seconds.toFixed(1)} s, ${point.weights}`,
          values: [point.peakBytes / 1e9],
        })),
    },
    "speed-delay.svg": {
      title: "A stream's delay: from a word's end to its text (at an utterance's end, without its pause)",
      unit: "s",
      kinds: curves.delays.map(({ rule, seconds }) => `${rule} (${seconds.length} words)`),
      rows: [0.1, 0.25, 0.5, 0.75, 0.9, 0.95].map((share) => ({
        label: `${(100 * share).toFixed(0)} % of words`,
        values: curves.delays.map(({ seconds }) => atShare(seconds, share)),
      })),
    },
  };
  const { machine, model, when } = curves;
  const about = `${model} stand-in, ${machine.cpu}, ${machine.cores} cores, ${when}`;
  const load = `, load ${machine.load.toFixed(0)}: wall times are other programs', too`;
  return Object.fromEntries(
    Object.entries(charts).map(([name, chart]) => {
      const isTimed = chart.kinds[0] === "wall time";
      return [name, renderChart(chart, about + (isTimed && isBusy(curves) ? load : ""))];
    }),
  );
}

/** The value that this share of ascending ones does not exceed. */
function atShare(ascending: readonly number[], share: number): number {
  return ascending[Math.min(ascending.length - 1, Math.floor(share * ascending.length))] ?? 0;
}

const [labelWidth, plotWidth, barHeight, gap, top] = [120, 480, 14, 10, 78];
const colours = ["#3b6ea5", "#c0713a"];

/** Groups of horizontal bars from zero, each with its figure. */
function renderChart({ title, unit, kinds, rows }: Chart, about: string): string {
  const longest = Math.max(...rows.flatMap(({ values }) => values), 1e-9);
  const rowHeight = kinds.length * barHeight + gap;
  const [width, height] = [labelWidth + plotWidth + 80, top + rows.length * rowHeight + 8];
  const bars = rows.flatMap(({ label, values }, row) => {
    const y = top + row * rowHeight;
    return [
      text(labelWidth - 8, y + kinds.length * barHeight / 2 + 4, label, 'text-anchor="end"'),
      ...values.flatMap((value, kind) => {
        const [length, at] = [value / longest * plotWidth, y + kind * barHeight];
        const size = `width="${length.toFixed(1)}" height="${barHeight - 2}" fill="${colours[kind % colours.length]}"`;
        const figure = `${value.toFixed(value < 10 ? 2 : 1)} ${unit}`;
        return [
          `<rect x="${labelWidth}" y="${at}" ${size}/>`,
          text(labelWidth + Number(length.toFixed(1)) + 5, at + 10, figure, 'font-size="11"'),
        ];
      }),
    ];
  });
  const legend = kinds.flatMap((kind, index) => [
    `<rect x="${labelWidth + index * 200}" y="52" width="12" height="12" fill="${colours[index % colours.length]}"/>`,
    text(labelWidth + index * 200 + 17, 62, kind),
  ]);
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" width="${width}" height="${height}" viewBox="0 0 ${width} ${height}" ` +
    `font-family="sans-serif" font-size="12">`,
    `<rect width="${width}" height="${height}" fill="white"/>`,
    text(12, 22, title, 'font-size="15"'),
    text(12, 40, about, 'fill="#555555" font-size="11"'),
    ...legend,
    ...bars,
    "</svg>\n",
  ].join("\n");
}

function text(x: number, y: number, content: string, attributes = ""): string {
  const safe = content.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;");
  return `<text x="${x}" y="${y}"${attributes ? ` ${attributes}` : ""}>${safe}</text>`;
}

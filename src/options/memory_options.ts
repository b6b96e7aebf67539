/** The rows of table.ts about the machine: memory of a run, what `doctor` looks at. Data. */

export const memoryOptions = [
  {
    name: "max-ram",
    group: "Model",
    value: { placeholder: "SIZE", type: "size" },
    help: "keep within so much memory: 1.2G, 900M",
    more:
      "Where --weights is not given, int4 is taken if int8 does not fit. Then as many segments at once, and as long " +
      "ones, as fit. What would fit is said where nothing does. G is 10^9 bytes, GiB 2^30.",
    rare: true,
    commands: ["transcribe", "align", "eval", "batch", "serve", "info", "doctor"],
  },
  {
    name: "online",
    group: "Model",
    help: "also whether the hubs can be reached",
    rare: true,
    commands: ["doctor"],
  },
] as const;

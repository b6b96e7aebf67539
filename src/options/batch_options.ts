/** The rows of table.ts for `qwen-asr batch`. Data. */

export const batchOptions = [
  {
    name: "shard",
    group: "Batch",
    value: { placeholder: "I/N", type: "text" },
    default: "0/1",
    help: "only rows I, I+N, I+2N... (from 0); auto/N",
    more: "auto: I is that of a Kubernetes indexed job (JOB_COMPLETION_INDEX) or of a Slurm array " +
      "(SLURM_ARRAY_TASK_ID). In -o, {shard} stands for it.",
    rare: true,
    commands: ["batch"],
  },
  {
    name: "check",
    group: "Batch",
    help: "only check manifest, options and files",
    more: "Names every bad row; the exit code is 2 if there is one. Needs no model.",
    rare: true,
    commands: ["batch"],
  },
  {
    name: "fail-on-error",
    group: "Batch",
    help: "exit with 1 if a row has an error",
    more: "All rows are written all the same.",
    rare: true,
    commands: ["batch"],
  },
] as const;

/** The rows of table.ts for `qwen-asr eval`. Data. */

export const evalOptions = [
  {
    name: "transcripts",
    group: "Evaluation",
    value: { placeholder: "DIR", type: "path" },
    help: "what was heard is in DIR (`eval`)",
    more: "For talk.wav: talk.json, talk.jsonl or talk.txt, as -o DIR/ writes them. No model is needed.",
    rare: true,
    commands: ["eval"],
  },
  {
    name: "compare",
    group: "Evaluation",
    help: "two results of `eval`: is B better than A?",
    more: "Takes the JSON of two runs over the same files; intervals are of the difference, file by file.",
    rare: true,
    commands: ["eval"],
    excludes: [{ option: "transcripts" }, { option: "model" }, { option: "language" }],
  },
  {
    name: "rttm",
    group: "Evaluation",
    help: "who speaks when: two RTTM files compared",
    more: "Two files: the reference, then what was found. Prints the diarization error rate without and with a " +
      "collar of 0.25 s, and the Jaccard error rate.",
    rare: true,
    commands: ["eval"],
    excludes: [{ option: "compare" }, { option: "transcripts" }, { option: "model" }, { option: "language" }],
  },
] as const;

/** The rows of table.ts for runs over many files, and over long ones. Data. */

export const inputOptions = [
  {
    name: "recursive",
    group: "Input",
    help: "of a folder, also the folders in it",
    more: "A folder means the recordings in it, in the order of their names. With -o FOLDER/, the outputs lie in " +
      "folders of the same names.",
    rare: true,
  },
  {
    name: "include",
    group: "Input",
    value: { placeholder: "PATTERN", type: "text" },
    help: "only inputs with such names; repeatable",
    more: "In folders also names that no recording has. * ? [abc] {a,b} as in a shell; with a /, about the whole path.",
    rare: true,
  },
  {
    name: "exclude",
    group: "Input",
    value: { placeholder: "PATTERN", type: "text" },
    help: "no inputs with such names; repeatable",
    rare: true,
  },
  {
    name: "files-from",
    group: "Input",
    value: { placeholder: "FILE", type: "path" },
    help: "inputs are listed in FILE, one a line",
    more: "Or separated by zeros, as find -print0 does. - is standard input.",
    rare: true,
  },
  {
    name: "watch",
    group: "Input",
    value: { placeholder: "DIR", type: "path" },
    help: "recordings that come into DIR, until Ctrl-C",
    more:
      "Each when it has not changed for some seconds; those that are there first, except where their outputs are, too.",
    rare: true,
    excludes: [{ option: "stream" }, { option: "files-from" }, { option: "retry-failed" }],
  },
  {
    name: "skip-existing",
    group: "Input",
    help: "leave out inputs whose outputs are there",
    rare: true,
    excludes: [{ option: "stream" }],
  },
  {
    name: "resume",
    group: "Output",
    help: "go on with the run that was interrupted",
    more: "Every run with -o keeps a journal beside the output until that is complete. The result is the same as " +
      "without the interruption. What is complete is left as it is.",
    rare: true,
    excludes: [{ option: "stream" }],
  },
  {
    name: "summary",
    group: "Output",
    value: { placeholder: "FILE", type: "path" },
    help: "a row per file: times, speed, confidence",
    more: "As .csv, .tsv or .json: duration, language, words, mean probability, seconds, seconds to the first word, " +
      "tokens a second, seconds per second of audio, memory in bytes, error.",
    rare: true,
    excludes: [{ option: "stream" }],
  },
  {
    name: "retry-failed",
    group: "Output",
    help: "only inputs that --summary says have failed",
    more: "And those of which it says nothing. The other rows of the summary stay.",
    rare: true,
    needs: "summary",
  },
] as const;

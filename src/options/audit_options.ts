/** The rows of table.ts for how a run judges its own text. Data. */

export const auditOptions = [
  {
    name: "strict",
    group: "Output",
    help: "exit code 4 where text is missing",
    more: "That is where a file has speech without text, or a text that was cut short or went round in circles. " +
      "It is told in any case; without --strict the exit code is 0.",
    rare: true,
  },
] as const;

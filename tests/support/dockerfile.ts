/**
 * Reads Dockerfiles, as far as ours go. In: the text. Out: stages with their instructions, in order. Throws where there
 * is something that it does not know: what it leaves out would not be tested.
 */

export type Instruction = {
  readonly name: string;
  /** --from=x. */
  readonly flags: Readonly<Record<string, string>>;
  /** Of the JSON form, its words; else the text. */
  readonly words: readonly string[] | undefined;
  readonly text: string;
};

export type Stage = { readonly from: string; readonly as: string | undefined; readonly steps: readonly Instruction[] };

const known = new Set(
  ["RUN", "COPY", "USER", "ENV", "WORKDIR", "EXPOSE", "VOLUME", "HEALTHCHECK", "ENTRYPOINT", "CMD"],
);

export function readDockerfile(text: string): Stage[] {
  const stages: { from: string; as: string | undefined; steps: Instruction[] }[] = [];
  for (const line of text.replaceAll(/\\\n\s*/g, "").split("\n")) {
    if (line.trim() === "" || line.startsWith("#")) continue;
    const instruction = read(line);
    if (instruction.name === "FROM") {
      const [from, , as] = instruction.text.split(/\s+/);
      stages.push({ from: from!, as, steps: [] });
    } else if (known.has(instruction.name)) stages.at(-1)!.steps.push(instruction);
    else throw new Error(`an instruction that is not known: ${line}`);
  }
  return stages;
}

function read(line: string): Instruction {
  const [, name, rest] = /^([A-Z]+)\s+(.*)$/.exec(line) ?? [];
  if (name === undefined || rest === undefined) throw new Error(`no instruction: ${line}`);
  const flags: Record<string, string> = {};
  const text = rest.replace(/^(?:--[a-z-]+=\S+\s+)+/, (given) => {
    for (const [, flag, value] of given.matchAll(/--([a-z-]+)=(\S+)/g)) flags[flag!] = value!;
    return "";
  });
  const json = text.replace(/^CMD\s+/, ""); // Of a HEALTHCHECK.
  return { name, flags, text, words: json.startsWith("[") ? JSON.parse(json) : undefined };
}

/** The last instruction of that name. */
export function lastOf(stage: Stage, name: string): Instruction | undefined {
  return stage.steps.findLast((step) => step.name === name);
}

/** What ENV instructions set. */
export function environmentOf(stage: Stage): Record<string, string> {
  const all = stage.steps.filter(({ name }) => name === "ENV").flatMap(({ text }) => text.split(/\s+/));
  return Object.fromEntries(all.map((one) => one.split(/=(.*)/s).slice(0, 2) as [string, string]));
}

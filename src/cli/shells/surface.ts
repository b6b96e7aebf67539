/**
 * What can stand on a command line, for the shells that complete it: the option table and the usage of the commands,
 * put into one shape. Pure.
 */

import { joinedBy } from "../../options/jobs.ts";
import { type CommandName, commandNames, type OptionSpec, optionTable, takes } from "../../options/table.ts";
import { commandTexts } from "../help.ts";

export const shells = ["bash", "zsh", "fish", "powershell"] as const;
export type Shell = (typeof shells)[number];

/** What a shell offers in a place. */
export type Offer = {
  readonly words: readonly string[];
  readonly paths: "none" | "files" | "folders";
  /** Several words may stand there with commas between them. */
  readonly isList: boolean;
};

export type Flag = {
  /** "-d" and "--model". */
  readonly names: readonly string[];
  readonly long: string;
  readonly help: string;
  /** Absent: a switch. */
  readonly value?: Offer & { readonly placeholder: string };
  readonly commands: readonly CommandName[];
};

export type CommandSurface = {
  readonly name: CommandName;
  readonly about: string;
  readonly flags: readonly Flag[];
  /** What stands first behind the command, and what further on. */
  readonly first: Offer;
  readonly further: Offer;
};

const nothing: Offer = { words: [], paths: "none", isList: false };

export const flags: readonly Flag[] = optionTable.map((spec) => ({
  names: [...spec.short ? [`-${spec.short}`] : [], `--${spec.name}`],
  long: spec.name,
  help: spec.help,
  ...(spec.value && { value: { ...valueOffer(spec), placeholder: spec.value.placeholder } }),
  commands: (["transcribe", ...commandNames] as const).filter((command) => takes(command, spec)),
}));

/** Transcription, which needs no name, and the commands. */
export const commandSurfaces: readonly CommandSurface[] = [
  surface("transcribe", "FILE", ""),
  ...commandNames.map((name) => surface(name, commandTexts[name].usage, commandTexts[name].about)),
];

/** `help` is a word and no command: what stands behind it. */
export const helpOffer: Offer = { ...nothing, words: commandNames };

function surface(name: CommandName, usage: string, about: string): CommandSurface {
  const [choice = ""] = usage.split(" ");
  const words = /^\w+(\|\w+)+$/.test(choice) ? choice.split("|") : [];
  const further: Offer = { ...nothing, paths: /(?:^|[\s[])(FILE|MANIFEST)/.test(usage) ? "files" : "none" };
  return {
    name,
    about: firstSentence(about),
    flags: flags.filter(({ commands }) => commands.includes(name)),
    first: { ...further, words },
    further,
  };
}

/** In one line. */
function firstSentence(text: string): string {
  return (/^.*?(?=[.:,](?:\s|$))/s.exec(text)?.[0] ?? text).replaceAll(/\s+/g, " ");
}

function valueOffer({ name, value }: OptionSpec): Offer {
  const { type, placeholder, words = [], offers = [] } = value!;
  const paths = type !== "path" ? "none" : placeholder === "DIR" ? "folders" : "files";
  return { words: [...words, ...offers], paths, isList: joinedBy[name] === "," };
}

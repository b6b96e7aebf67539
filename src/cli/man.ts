/** The manual page, from the same texts as the help: roff with the macros of man(7). Pure. */

import { type NamedCommand, type OptionSpec, optionTable, takes } from "../options/table.ts";
import { commandNames } from "../options/table.ts";
import { languagesText } from "../text/languages.ts";
import { closingSections, commandTexts, longText } from "./help.ts";

export function manPage(version: string): string {
  const [opening = "", ...sections] = closingSections.trim().split(/^(?=[A-Z][\w ]*:\n)/m);
  return `.\\" Made by: qwen-asr man
.TH QWEN\\-ASR 1 "" "qwen\\-asr ${roff(version)}" "User Commands"
.nh
.ad l
.SH NAME
qwen\\-asr \\- speech to text on this machine, with Qwen3\\-ASR
.SH SYNOPSIS
.B qwen\\-asr
[options] \\fIFILE\\fR...
${commandNames.map(synopsis).join("")}.SH DESCRIPTION
Without a command, the files are transcribed; "\\-" is standard input.
${paragraph(opening)}.SH OPTIONS
An option that has commands in brackets belongs to these; transcription is the one without a name.
${groups()}.SH COMMANDS
${commandNames.map(commandSection).join("")}${sections.map(closing).join("")}.SH LANGUAGES
${roff(`${languagesText()}.`)}
`;
}

function synopsis(name: NamedCommand): string {
  return `.br\n.B qwen\\-asr ${name}\n${roff(commandTexts[name].usage)}\n`;
}

function groups(): string {
  return [...Map.groupBy(optionTable, ({ group }) => group)].map(([group, specs]) =>
    `.SS ${group}\n${specs.map(option).join("")}`
  ).join("");
}

function option(spec: OptionSpec): string {
  const names = [...spec.short ? [`-${spec.short}`] : [], `--${spec.name}`].map((name) => `\\fB${roff(name)}\\fR`);
  const value = spec.value ? ` \\fI${roff(spec.value.placeholder)}\\fR` : "";
  const all = ["transcribe", ...commandNames] as const;
  const takers = all.filter((command) => takes(command, spec));
  const isCommon = takers.length === all.length || takers.join() === "transcribe";
  const commands = isCommon ? "" : ` (${takers.join(", ")})`;
  return `.TP\n${names.join(", ")}${value}\n${roff(longText(spec) + commands)}\n`;
}

function commandSection(name: NamedCommand): string {
  const { usage, about, notes = "" } = commandTexts[name];
  return `.SS ${roff(`qwen-asr ${name} ${usage}`)}\n${body(`${about}\n${notes}`)}`;
}

/** "Exit codes:\n  0  done\n". The examples stay as they are. */
function closing(section: string): string {
  const [heading = "", ...lines] = section.trimEnd().split("\n");
  const text = lines.join("\n");
  const isCode = heading === "Examples:";
  return `.SH ${heading.replace(":", "").toUpperCase()}\n${isCode ? asItStands(text) : body(text)}`;
}

/** Paragraphs; and terms, indented by two spaces, with what they mean behind at least two more or below. */
function body(text: string): string {
  return text.split(/\n{2,}/).filter((part) => part.trim() !== "").map((part) => {
    const at = part.search(/^ {2}/m);
    if (at < 0) return paragraph(part);
    const prose = part.slice(0, at).trim();
    return (prose === "" ? "" : paragraph(prose)) + terms(part.slice(at));
  }).join("");
}

function terms(text: string): string {
  return text.split(/^(?= {2}\S)/m).map((entry) => {
    const [, term = "", meaning = ""] = /^ {2}(\S.*?)(?: {2,}|\n\s+|$)(.*)$/s.exec(entry.trimEnd())!;
    return `.TP\n\\fB${roff(term)}\\fR\n${roff(meaning.replaceAll(/\s+/g, " "))}\n`;
  }).join("");
}

function paragraph(text: string): string {
  return `.PP\n${roff(text.trim())}\n`;
}

function asItStands(text: string): string {
  return `.PP\n.EX\n${roff(text.replaceAll(/^ {2}/gm, ""))}\n.EE\n`;
}

/** Text without meaning to roff: what it would read as commands or quotes, and all beyond ASCII by number. */
function roff(text: string): string {
  const plain = text.replaceAll("\\", "\\e").replaceAll("-", "\\-").replaceAll("'", "\\(aq").replaceAll("`", "\\(ga")
    .replaceAll("^", "\\(ha").replaceAll("~", "\\(ti");
  return plain.replaceAll(
    /[^\0-\x7f]/gu,
    (letter) => `\\[u${letter.codePointAt(0)!.toString(16).toUpperCase().padStart(4, "0")}]`,
  )
    .replaceAll(/^\./gm, "\\&.");
}

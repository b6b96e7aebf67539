/** The completion script for fish 3. Pure. */

import { commandNames } from "../../options/table.ts";
import { commandSurfaces, type Flag, flags, helpOffer, type Offer } from "./surface.ts";

export function fishCompletions(): string {
  const commands = commandSurfaces.slice(1);
  const first = commands.filter(({ first }) => first.words.length > 0);
  const fileless = commands.filter(({ further }) => further.paths === "none").map(({ name }) => name);
  return `# fish completion of qwen-asr, made by: qwen-asr completions fish

# Whether the command of the line is one of those named; a line without a command transcribes.
function __qwen_asr_in
    set -l line (commandline -opc)
    set -l command transcribe
    if contains -- "$line[2]" ${commandNames.join(" ")} help
        set command $line[2]
    end
    contains -- $command $argv
end

# Whether the word at the cursor is number N behind the program's name.
function __qwen_asr_at
    test (count (commandline -opc)) -eq $argv[1]
end

complete -c qwen-asr -n '__qwen_asr_in ${fileless.join(" ")} help' -f
${
    [...commands, { name: "help", about: "Says what a command takes" }].map(({ name, about }) =>
      `complete -c qwen-asr -n '__qwen_asr_at 1' -a ${name} -d ${quoted(about)}\n`
    ).join("")
  }complete -c qwen-asr -n '__qwen_asr_in help' -a ${quoted(helpOffer.words.join(" "))}
${
    first.map(({ name, first }) =>
      `complete -c qwen-asr -n '__qwen_asr_in ${name}; and __qwen_asr_at 2' -a ${quoted(first.words.join(" "))}\n`
    ).join("")
  }${flags.map(line).join("")}`;
}

function line({ names, long, help, value, commands }: Flag): string {
  const short = names.length > 1 ? ` -s ${names[0]!.slice(1)}` : "";
  const condition = `-n '__qwen_asr_in ${commands.join(" ")}'`;
  return `complete -c qwen-asr ${condition}${short} -l ${long} -d ${quoted(help)}${value ? valueOf(value) : ""}\n`;
}

/** -r: a value follows. -f: no files; -F: files, too. */
function valueOf({ words, paths, isList }: Offer): string {
  const folders = paths === "folders" ? ["(__fish_complete_directories (commandline -ct))"] : [];
  const list = isList && words.length > 0 ? [`(__fish_append , ${words.join(" ")})`] : words;
  const offered = [...list, ...folders].join(" ");
  return ` -r ${paths === "files" ? "-F" : "-f"}${offered === "" ? "" : ` -a ${quoted(offered)}`}`;
}

function quoted(text: string): string {
  return `'${text.replaceAll(/[\\']/g, "\\$&")}'`;
}

/** The completion script for bash, from 3.2 on (macOS) and without the bash-completion package. Pure. */

import { commandNames } from "../../options/table.ts";
import { type CommandSurface, commandSurfaces, type Flag, flags, helpOffer, type Offer } from "./surface.ts";

export function bashCompletions(): string {
  const [transcription, ...commands] = commandSurfaces;
  return `# bash completion of qwen-asr, made by: qwen-asr completions bash

_qwen_asr() {
    local cur=\${COMP_WORDS[COMP_CWORD]} prev=\${COMP_WORDS[COMP_CWORD-1]} before=
    local command= options= words= paths=none list=
    # bash cuts --weights=int8 into three words.
    if [[ $cur == "=" ]]; then
        cur=
    elif [[ $prev == "=" ]]; then
        prev=\${COMP_WORDS[COMP_CWORD-2]}
    fi
    if ((COMP_CWORD > 1)); then command=\${COMP_WORDS[1]}; fi
    case $command in
${commands.map(commandCase).join("")}    help) ${assign(helpOffer)} ;;
    *)
        options="${optionWords(transcription!)}"
        paths=files
        if ((COMP_CWORD == 1)); then words="${[...commandNames, "help"].join(" ")}"; fi
        ;;
    esac
    case $prev in
${
    flags.filter(({ value }) => value).map(valueCase).join("")
  }    *) if [[ $cur == -* ]]; then words=$options paths=none; fi ;;
    esac
    if [[ -n $list && $cur == *,* ]]; then
        before=\${cur%,*},
        cur=\${cur##*,}
    fi
    local IFS=$' \\t\\n'
    COMPREPLY=($(compgen -P "$before" -W "$words" -- "$cur"))
    IFS=$'\\n'
    case $paths in
    files) COMPREPLY+=($(compgen -f -- "$cur")) ;;
    folders) COMPREPLY+=($(compgen -d -- "$cur")) ;;
    esac
    if [[ $paths != none ]]; then compopt -o filenames 2>/dev/null; fi
    if [[ -n $list ]]; then compopt -o nospace 2>/dev/null; fi
}

complete -F _qwen_asr qwen-asr
`;
}

function commandCase(command: CommandSurface): string {
  const { first, further } = command;
  const start = first.words.length > 0 ? `if ((COMP_CWORD == 2)); then words="${first.words.join(" ")}"; fi` : "";
  return `    ${command.name})
        options="${optionWords(command)}"
        paths=${further.paths}
${start === "" ? "" : `        ${start}\n`}        ;;
`;
}

function valueCase({ names, value }: Flag): string {
  return `    ${names.join(" | ")}) ${assign(value!)} ;;\n`;
}

function assign({ words, paths, isList }: Offer): string {
  return `words="${words.join(" ")}" paths=${paths}${isList ? " list=yes" : ""}`;
}

function optionWords(command: CommandSurface): string {
  return command.flags.flatMap(({ names }) => names).join(" ");
}

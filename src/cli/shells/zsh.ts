/** The completion script for zsh: a file _qwen-asr in a folder of $fpath. Pure. */

import { type CommandSurface, commandSurfaces, type Flag, helpOffer, type Offer } from "./surface.ts";

export function zshCompletions(): string {
  const [transcription, ...commands] = commandSurfaces;
  const names = [...commands, { name: "help", about: "Says what a command takes" }];
  return `#compdef qwen-asr
# zsh completion of qwen-asr, made by: qwen-asr completions zsh

# Offers words and paths: KIND (none, files, folders), LIST (set: commas between words), WORD...
_qwen_asr_offer() {
    local kind=$1 list=$2 found=1
    shift 2
    if [[ -n $list ]]; then compset -P '*,'; fi
    if (($#)); then compadd -- "$@" && found=0; fi
    case $kind in
    files) _files && found=0 ;;
    folders) _files -/ && found=0 ;;
    esac
    return found
}

_qwen_asr_first() {
    local -a commands=(
${names.map(({ name, about }) => `        ${quoted(`${name}:${about}`)}\n`).join("")}    )
    _describe command commands
    _files
}

_qwen_asr() {
    local command=$words[2]
    if ((CURRENT > 2)); then
        case $command in
${commands.map(commandCase).join("")}        help) ${offer(helpOffer)}; return ;;
        esac
    fi
    _arguments -S \\
${specs(transcription!, "8")}        '1::file:_qwen_asr_first' \\
        '*:file:_files'
}

if [[ $funcstack[1] == _qwen-asr ]]; then
    _qwen_asr "$@"
else
    compdef _qwen_asr qwen-asr
fi
`;
}

/** The words of the line are cut so that the command stands where a program would. */
function commandCase(command: CommandSurface): string {
  const { first, further } = command;
  return `        ${command.name})
            words=("\${(@)words[2,-1]}")
            ((CURRENT--))
            _arguments -S \\
${specs(command, "16")}                '1:: :{${offer(first)}}' \\
                '*: :{${offer(further)}}'
            return ;;
`;
}

function specs({ flags }: CommandSurface, indent: string): string {
  return flags.map((flag) => `${" ".repeat(Number(indent))}${spec(flag)} \\\n`).join("");
}

/** '(-d --model)'{-d+,--model=}'[model folder]:DIR:{...}' */
function spec({ names, help, value }: Flag): string {
  const text = help.replaceAll(/[\\[\]:]/g, "\\$&");
  const tail = value ? `:${value.placeholder.replaceAll(":", "\\:")}:{${offer(value)}}` : "";
  const forms = names.map((name) => `${name}${value ? name.startsWith("--") ? "=" : "+" : ""}`);
  if (forms.length === 1) return quoted(`*${forms[0]}[${text}]${tail}`);
  return `${quoted("*")}{${forms.join(",")}}${quoted(`[${text}]${tail}`)}`;
}

function offer({ words, paths, isList }: Offer): string {
  return `_qwen_asr_offer ${paths} "${isList ? "yes" : ""}"${words.map((word) => ` ${word}`).join("")}`;
}

function quoted(text: string): string {
  return `'${text.replaceAll("'", `'\\''`)}'`;
}

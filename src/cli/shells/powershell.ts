/** The completion script for PowerShell, Windows' own and 7. Where it offers nothing, PowerShell offers files. Pure. */

import { commandNames } from "../../options/table.ts";
import { commandSurfaces, flags, helpOffer, type Offer } from "./surface.ts";

export function powershellCompletions(): string {
  const commands = commandSurfaces.filter(({ first }) => first.words.length > 0);
  return `# PowerShell completion of qwen-asr, made by: qwen-asr completions powershell

Register-ArgumentCompleter -Native -CommandName 'qwen-asr', 'qwen-asr.exe' -ScriptBlock {
    param($word, $line, $position)
    $names = ${list([...commandNames, "help"])}
    $options = @{
${commandSurfaces.map(({ name, flags }) => entry(name, flags.flatMap(({ names }) => names))).join("")}    }
    $first = @{
${commands.map(({ name, first }) => entry(name, first.words)).join("")}${entry("help", helpOffer.words)}    }
    $values = @{
${
    flags.flatMap(({ names, value }) =>
      value && value.words.length > 0 ? names.map((name) => entry(name, value.words)) : []
    ).join("")
  }    }
    $lists = ${list(namesOf(({ isList }) => isList))}

    $before = @($line.CommandElements | Where-Object { $_.Extent.EndOffset -lt $position } | ForEach-Object { "$_" })
    $command = if ($before.Count -gt 1 -and $names -ccontains $before[1]) { $before[1] } else { 'transcribe' }
    $option = $before[-1]
    $head = ''
    if ($word -match '^(--[a-z-]+)=(.*)$') {
        $option = $Matches[1]
        $head = "$option="
        $word = $Matches[2]
    }
    $found = @()
    if ($values.ContainsKey($option)) {
        $found = $values[$option]
        if ($lists -ccontains $option -and $word -match '^(.*,)(.*)$') {
            $head += $Matches[1]
            $word = $Matches[2]
        }
    } elseif ($word.StartsWith('-')) {
        $found = $options[$command]
    } elseif ($before.Count -eq 1) {
        $found = $names
    } elseif ($before.Count -eq 2 -and $first.ContainsKey($before[1])) {
        $found = $first[$before[1]]
    }
    $found | Where-Object { $_.StartsWith($word, [StringComparison]::Ordinal) } | ForEach-Object {
        [System.Management.Automation.CompletionResult]::new("$head$_", $_, 'ParameterValue', $_)
    }
}
`;
}

/** Names of the options whose values are like that. */
function namesOf(isWanted: (value: Offer) => boolean): string[] {
  return flags.flatMap(({ names, value }) => value && isWanted(value) ? names : []);
}

function entry(name: string, words: readonly string[]): string {
  return `        '${name}' = ${list(words)}\n`;
}

function list(words: readonly string[]): string {
  return `@(${words.map((word) => `'${word}'`).join(", ")})`;
}

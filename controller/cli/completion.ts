import type { Command } from 'commander';

/** What may follow a row of command words: `onestorage ops` → list, show, … and the options. */
export interface CompletionRow {
  readonly path: string;
  readonly words: readonly string[];
}

export const SHELLS = ['bash', 'zsh'] as const;
export type Shell = (typeof SHELLS)[number];

/** All rows of a program and of the commands below it. */
export function completionRows(command: Command, above = ''): readonly CompletionRow[] {
  const path = `${above} ${command.name()}`.trim();
  const options = command.options.flatMap(({ long, hidden }) => (long === undefined || long === null || hidden ? [] : [long]));
  const choices = command.registeredArguments.flatMap(({ argChoices }) => argChoices ?? []);
  const words = [...command.commands.map((one) => one.name()), ...choices, ...options, '--help'];
  return [{ path, words }, ...command.commands.flatMap((one) => completionRows(one, path))];
}

/** A script for a shell to read: it knows every command and option, and starts no program while somebody types. */
export function completionScript(shell: Shell, program: Command): string {
  const rows = completionRows(program);
  const name = program.name();
  const steps = rows.map(({ path }) => path).filter((path) => path !== name);
  const known = `${steps.map((path) => `'${path}'`).join(' | ')}`;
  return shell === 'bash' ? bashScript(name, known, rows) : zshScript(name, known, rows);
}

function bashScript(name: string, known: string, rows: readonly CompletionRow[]): string {
  return `# bash completion of ${name}: source it, or put it into /etc/bash_completion.d/
_${name}() {
  local current=\${COMP_WORDS[COMP_CWORD]} path=${name} words='' index
  for ((index = 1; index < COMP_CWORD; index++)); do
    case "$path \${COMP_WORDS[index]}" in
      ${known}) path="$path \${COMP_WORDS[index]}" ;;
    esac
  done
  case "$path" in
${rows.map(({ path, words }) => `    '${path}') words='${words.join(' ')}' ;;`).join('\n')}
  esac
  # shellcheck disable=SC2207
  COMPREPLY=($(compgen -W "$words" -- "$current"))
}
complete -o default -F _${name} ${name}
`;
}

function zshScript(name: string, known: string, rows: readonly CompletionRow[]): string {
  return `#compdef ${name}
# zsh completion of ${name}: put it into a directory of $fpath as _${name}
_${name}() {
  local path_=${name} word
  local -a list
  for word in "\${(@)words[2,CURRENT-1]}"; do
    case "$path_ $word" in
      ${known}) path_="$path_ $word" ;;
    esac
  done
  case "$path_" in
${rows.map(({ path, words }) => `    '${path}') list=(${words.join(' ')}) ;;`).join('\n')}
  esac
  compadd -a list
  [[ $PREFIX == -* ]] || _files
}
if [ "$funcstack[1]" = _${name} ]; then _${name} "$@"; else compdef _${name} ${name}; fi
`;
}

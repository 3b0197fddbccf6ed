import { spawnSync } from 'node:child_process';
import { Argument, Command, Option } from 'commander';
import { expect, it } from 'vitest';
import { completionRows, completionScript } from '../../../controller/cli/completion.ts';

function program(): Command {
  const root = new Command('onestorage').option('--version');
  const ops = root.command('ops');
  ops.command('list').option('--json').addOption(new Option('--secret').hideHelp());
  ops.command('watch <id>');
  root.command('completion').addArgument(new Argument('<shell>').choices(['bash', 'zsh']));
  return root;
}

it('knows every command, option and choice', () => {
  expect(completionRows(program())).toEqual([
    { path: 'onestorage', words: ['ops', 'completion', '--version', '--help'] },
    { path: 'onestorage ops', words: ['list', 'watch', '--help'] },
    { path: 'onestorage ops list', words: ['--json', '--help'] },
    { path: 'onestorage ops watch', words: ['--help'] },
    { path: 'onestorage completion', words: ['bash', 'zsh', '--help'] },
  ]);
});

it.each([
  ['onestorage ', ['ops', 'completion', '--version', '--help']],
  ['onestorage o', ['ops']],
  ['onestorage ops ', ['list', 'watch', '--help']],
  ['onestorage ops list --', ['--json', '--help']],
  ['onestorage --version ops l', ['list']],
  ['onestorage completion z', ['zsh']],
])('completes %j in bash', (line, expected) => {
  const words = line.split(' ');
  const script = [
    completionScript('bash', program()),
    `COMP_WORDS=(${words.map((word) => `'${word}'`).join(' ')}); COMP_CWORD=${words.length - 1}; _onestorage`,
    // biome-ignore lint/suspicious/noTemplateCurlyInString: of the shell
    'printf "%s\\n" "${COMPREPLY[@]}"',
  ].join('\n');
  const { stdout, stderr, status } = spawnSync('bash', ['--norc', '-u', '-c', script], { encoding: 'utf8' });
  expect({ stderr, status }).toEqual({ stderr: '', status: 0 });
  expect(stdout.trim().split('\n')).toEqual(expected);
});

it('has a script for zsh', () => {
  const script = completionScript('zsh', program());
  expect(script).toMatch(/^#compdef onestorage\n/);
  expect(script).toContain("'onestorage ops') list=(list watch --help) ;;");
});

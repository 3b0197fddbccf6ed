import { Command } from 'commander';
import type { CheckResult, Problem } from '../doctor/check.ts';
import { examine } from '../doctor/doctor.ts';
import { defaultPlaces } from '../setup/places.ts';
import { state } from './colours.ts';
import { askController } from './controller-socket.ts';
import { FINE, look, NOT_ASKED, print, printJson, WRONG } from './look.ts';

interface Options {
  readonly config: string;
  readonly remotes: string;
  readonly onedConf: string;
  readonly vmmExecrc: string;
  readonly socket?: string;
  readonly json?: true;
}

const HELP = `
Run it on the front-end as the user of the controller. It needs no running controller, and changes nothing. Checked are:
the configuration, the certificate, the controller's socket, ONE_AUTH, oned, the names of hosts, oned.conf and whether oned has read it,
vmm_execrc, the datastores, the shims here and on the hosts, every agent (identity, clock, version, programs, directories, ports, left-over files), and the journal.

Exit status: 0 nothing is wrong; 1 something is; 2 nothing was found, but something could not be checked.

Examples:
  onestorage doctor
  onestorage doctor --config /etc/onestorage/controller.yaml --json`;

/** `onestorage doctor`. */
export function doctorCommand(): Command {
  const places = defaultPlaces(process.env);
  return new Command('doctor')
    .description('find what is wrong with the setup, and say what to do about it')
    .option('-c, --config <file>', 'configuration of the controller', '/etc/onestorage/controller.yaml')
    .option('--remotes <directory>', "OpenNebula's remotes directory", places.remotes)
    .option('--oned-conf <file>', 'configuration of oned', places.onedConf)
    .option('--vmm-execrc <file>', 'configuration of one_vmm_exec', places.vmmExecrc)
    .option('--socket <path>', 'socket of the controller, if not that of the configuration')
    .option('--json', 'print one JSON document')
    .addHelpText('after', HELP)
    .action((options: Options) => look(() => doctor(options)));
}

async function doctor({ config, remotes, onedConf, vmmExecrc, socket, json }: Options): Promise<number> {
  const health = (path: string): Promise<unknown> => askController(path, 'GET', '/v1/health');
  const results = await examine({ configFile: config, remotes, onedConf, vmmExecrc, socket, health }, new AbortController().signal);
  if (json) printJson({ checks: results });
  else print(doctorText(results));
  return doctorStatus(results);
}

export function doctorStatus(results: readonly CheckResult[]): number {
  if (results.some(({ problems }) => problems.length > 0)) return WRONG;
  return results.some(({ unchecked }) => unchecked !== undefined) ? NOT_ASKED : FINE;
}

export function doctorText(results: readonly CheckResult[]): string {
  const width = Math.max(...results.map((result) => result.check.length));
  const lines = results.flatMap(({ check, problems, unchecked }) => {
    const row = (word: string, text: string): string =>
      `${check.padEnd(width)}  ${state(word)}${' '.repeat(11 - word.length)}  ${text}`.trimEnd();
    if (unchecked !== undefined) return [row('not checked', unchecked)];
    if (problems.length === 0) return [row('ok', '')];
    return problems.flatMap(({ severity, subject, text, remedy }) => [
      row(severity, text.includes(subject) ? text : `${subject}: ${text}`),
      `${' '.repeat(width + 15)}-> ${remedy}`,
    ]);
  });
  return `${[...lines, summary(results)].join('\n')}\n`;
}

function summary(results: readonly CheckResult[]): string {
  const problems = results.flatMap((result) => result.problems);
  const count = (wanted: Problem['severity']): string => {
    const found = problems.filter(({ severity }) => severity === wanted).length;
    return `${found} ${wanted}${found === 1 ? '' : 's'}`;
  };
  const unchecked = results.filter((result) => result.unchecked !== undefined).length;
  return `\n${count('error')}, ${count('warning')}${unchecked === 0 ? '' : `, ${unchecked} not checked`}`;
}

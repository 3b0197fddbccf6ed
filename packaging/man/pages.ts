import type { Command } from 'commander';
import { CONFIGURATIONS, type DaemonName } from '../config/files.ts';
import { createProgram } from '../program.ts';
import { commandPage } from './command.ts';
import { configurationPage } from './configuration.ts';
import { type PageHead, section, term } from './roff.ts';

export interface ManualPage {
  /** `onestorage-agent.8` */
  readonly file: string;
  readonly text: string;
  /** The controller's package has what belongs to it alone; the rest goes with the program. */
  readonly package: DaemonName;
}

/** A page for the program, for every command, and for every configuration file. */
export async function manualPages(head: Pick<PageHead, 'version' | 'date'>): Promise<readonly ManualPage[]> {
  const program = await createProgram(undefined);
  const commands = program.commands.filter((command) => command.name() !== 'help');
  const names = commands.map((command) => [`onestorage-${command.name()}`, sectionOf(command)] as const);
  const general = commandPage(
    program,
    { ...head, name: 'onestorage', section: 1, summary: 'storage drivers for OpenNebula: agent, controller, commands' },
    names,
  );
  const ofCommands = commands.map((command): ManualPage => {
    const name = `onestorage-${command.name()}`;
    const number = sectionOf(command);
    const { see, more, summary } = describe(command);
    const text = commandPage(command, { ...head, name, section: number, summary }, see, ...more);
    return { file: `${name}.${number}`, text, package: command.name() === 'controller' ? 'controller' : 'agent' };
  });
  const ofFiles = (Object.keys(CONFIGURATIONS) as DaemonName[]).map(
    (daemon): ManualPage => ({ file: `onestorage-${daemon}.yaml.5`, text: configurationPage(daemon, head), package: daemon }),
  );
  return [{ file: 'onestorage.1', text: general, package: 'agent' }, ...ofCommands, ...ofFiles];
}

function isDaemon(name: string): name is DaemonName {
  return Object.hasOwn(CONFIGURATIONS, name);
}

function sectionOf(command: Command): 1 | 8 {
  return isDaemon(command.name()) ? 8 : 1;
}

interface Description {
  readonly see: readonly (readonly [string, number])[];
  readonly more: readonly string[];
  readonly summary: string;
}

function describe(command: Command): Description {
  const name = command.name();
  const summary = command.description().replace(/\.$/u, '');
  if (!isDaemon(name)) return { see: [['onestorage', 1]], more: [], summary };
  return {
    summary: `the onestorage ${name}`,
    see: [
      [`onestorage-${name}.yaml`, 5],
      ['onestorage', 1],
    ],
    more: [section('FILES', ...filesOf(name)), section('SIGNALS', ...SIGNALS)],
  };
}

function filesOf(daemon: DaemonName): string[] {
  const keys = daemon === 'agent' ? '/etc/onestorage/pki' : 'the directory of the key pki';
  return [
    term(`/etc/onestorage/${daemon}.yaml`, 'Configuration.'),
    term(keys, 'Certificate, key and authority; readable by oneadmin alone.'),
    term(`/var/lib/onestorage/${daemon}`, 'Journal of operations, from which the next start goes on; audit log (onestorage audit verify).'),
    term(`/run/onestorage/${daemon}.sock`, 'Socket.'),
  ];
}

const SIGNALS = [
  term('SIGTERM, SIGINT', 'It stops. Operations under way are kept in the journal and go on at the next start.'),
  term('SIGHUP', 'Nothing.'),
];

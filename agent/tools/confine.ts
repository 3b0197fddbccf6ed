import { access } from 'node:fs/promises';
import type { Wrapper } from './run.ts';

/** What a program and all its children may take. 0: no limit. */
export interface Limits {
  readonly cpuPercent: number;
  readonly memoryBytes: number;
  readonly readOperationsPerSecond: number;
  readonly writeOperationsPerSecond: number;
  /** Used when none of the four above is set (contract 4); undefined: as the agent. */
  readonly nice: number | undefined;
  readonly ioNice: number | undefined;
}

export interface Confinement {
  readonly before: readonly Wrapper[];
  /** Why the limits cannot be kept as asked; undefined: they are. */
  readonly problem: string | undefined;
}

/** Directories that are there; systemd finds the disks they are on. */
export interface Counted {
  readonly reads: string;
  readonly writes: string;
}

/** The lowest priorities: instead of limits that this host cannot keep. */
const LOWEST: readonly Wrapper[] = [
  ['nice', '-n', '19'],
  ['ionice', '-c', '2', '-n', '7'],
];

/**
 * Wrappers that keep a program within limits. Those of CPU, memory and disk need a control group, which systemd makes for the agent's user;
 * operations a second are counted on the disks below two directories.
 */
export async function confine(limits: Limits, counted: Counted, env: NodeJS.ProcessEnv = process.env): Promise<Confinement> {
  const properties = propertiesOf(limits, counted);
  if (properties.length === 0) return { before: priorities(limits), problem: undefined };
  if (!(await hasUserManager(env))) {
    return { before: LOWEST, problem: 'this user has no systemd manager (loginctl enable-linger): lowest priority instead of limits' };
  }
  const words = properties.flatMap((property) => ['-p', property]);
  return { before: [['systemd-run', '--user', '--scope', '--quiet', '--collect', ...words, '--']], problem: undefined };
}

function propertiesOf(limits: Limits, { reads, writes }: Counted): readonly string[] {
  const { cpuPercent, memoryBytes, readOperationsPerSecond, writeOperationsPerSecond } = limits;
  return [
    ...(cpuPercent > 0 ? [`CPUQuota=${cpuPercent}%`] : []),
    ...(memoryBytes > 0 ? [`MemoryMax=${memoryBytes}`] : []),
    ...(readOperationsPerSecond > 0 ? [`IOReadIOPSMax=${reads} ${readOperationsPerSecond}`] : []),
    ...(writeOperationsPerSecond > 0 ? [`IOWriteIOPSMax=${writes} ${writeOperationsPerSecond}`] : []),
  ];
}

function priorities({ nice, ioNice }: Limits): readonly Wrapper[] {
  return [
    ...(nice === undefined ? [] : [['nice', '-n', String(nice)] as const]),
    ...(ioNice === undefined ? [] : [['ionice', '-c', '2', '-n', String(ioNice)] as const]),
  ];
}

async function hasUserManager(env: NodeJS.ProcessEnv): Promise<boolean> {
  const directory = env['XDG_RUNTIME_DIR'];
  if (directory === undefined) return false;
  return await access(`${directory}/systemd/private`).then(
    () => true,
    () => false,
  );
}

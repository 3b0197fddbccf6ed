import { createHash } from 'node:crypto';
import { constants } from 'node:fs';
import { access, readdir, readFile, stat, statfs } from 'node:fs/promises';
import path from 'node:path';
import packageJson from '../../package.json' with { type: 'json' };
import { asStorageError } from '../../runtime/errors.ts';
import { temporaryFiles } from '../backends/file/temporary-files.ts';
import type { AgentContext } from '../context.ts';
import { hasProgram, PROGRAM_NAMES, type ProgramName, requireProgram } from '../tools/programs.ts';

/** What an admin should know of a host; the fields of CheckHostResponse. Sizes in bytes, times in ms since the epoch. */
export interface HostCheck {
  readonly hostName: string;
  readonly machineId: string;
  readonly version: string;
  readonly datastores: string;
  readonly clockUnixMs: number;
  readonly certificateNotAfterUnixMs: number;
  readonly missingPrograms: string[];
  /** Empty: it can be written to. */
  readonly datastoresProblem: string;
  readonly stateDirectory: string;
  readonly stateFreeBytes: number;
  readonly journalBytes: number;
  readonly dataPorts: number;
  readonly freeDataPorts: number;
  readonly staleFiles: readonly string[];
  readonly staleFileCount: number;
  readonly runningOperations: number;
  readonly remotes: string;
  /** Empty: it is not there. */
  readonly shimSha256: string;
}

/** How many stale files are named; the rest is counted. */
const NAMED = 10;

/** Changes nothing, starts no program. */
export async function checkHost(agent: AgentContext): Promise<HostCheck> {
  const isActive = (id: string): boolean => {
    const found = agent.operations.get(id);
    return found !== undefined && found.finishedAt === undefined;
  };
  const { hostName, machineId, datastores, stateDirectory, dataPorts, remotes } = agent;
  const [missingPrograms, datastoresProblem, stateFreeBytes, journalBytes, busyPorts, stale, shimSha256] = await Promise.all([
    findMissingPrograms(),
    problemOf(datastores),
    freeBytes(stateDirectory),
    journalSize(stateDirectory),
    listeningPorts(),
    temporaryFiles(datastores, isActive),
    shimHash(remotes),
  ]);
  const ports = Array.from({ length: Math.max(0, dataPorts.last - dataPorts.first + 1) }, (_, index) => dataPorts.first + index);
  return {
    hostName,
    machineId,
    version: packageJson.version,
    datastores,
    clockUnixMs: Date.now(),
    certificateNotAfterUnixMs: agent.identity.notAfter.getTime(),
    missingPrograms,
    datastoresProblem,
    stateDirectory,
    stateFreeBytes,
    journalBytes,
    dataPorts: ports.length,
    freeDataPorts: ports.filter((port) => !busyPorts.has(port)).length,
    staleFiles: stale.slice(0, NAMED),
    staleFileCount: stale.length,
    runningOperations: agent.operations.list({ all: false, limit: 1000 }).length,
    remotes,
    shimSha256,
  };
}

async function findMissingPrograms(): Promise<string[]> {
  const found = await Promise.all(PROGRAM_NAMES.map(async (name) => ((await hasProgram(name)) ? [] : await missingText(name))));
  return found.flat();
}

async function missingText(name: ProgramName): Promise<string[]> {
  return await requireProgram(name).then(
    () => [],
    (thrown: unknown) => [asStorageError(thrown).message.replace(' is not installed on this host', '')],
  );
}

async function problemOf(directory: string): Promise<string> {
  try {
    await access(directory, constants.R_OK | constants.W_OK | constants.X_OK);
    return (await stat(directory)).isDirectory() ? '' : `${directory} is not a directory`;
  } catch (thrown) {
    return asStorageError(thrown).message;
  }
}

/** Of the action that OpenNebula's probes call on hosts. A copy, not a link, when the tree was brought by `rsync -L`. */
async function shimHash(remotes: string): Promise<string> {
  const text = await readFile(path.join(remotes, 'tm/agent_local/monitor_ds')).catch(() => undefined);
  return text === undefined ? '' : createHash('sha256').update(text).digest('hex');
}

async function freeBytes(directory: string): Promise<number> {
  const { bavail, bsize } = await statfs(directory);
  return bavail * bsize;
}

/** The journal and what SQLite keeps beside it. */
async function journalSize(directory: string): Promise<number> {
  const names = (await readdir(directory)).filter((name) => name.startsWith('journal.db'));
  const sizes = await Promise.all(
    names.map((name) =>
      stat(path.join(directory, name)).then(
        ({ size }) => size,
        () => 0,
      ),
    ),
  );
  return sizes.reduce((sum, size) => sum + size, 0);
}

/** State of a socket that listens, as the kernel writes it. */
const LISTEN = '0A';

/** From the kernel's list: binding them to see whether they are free would take them from a transfer for that moment. */
async function listeningPorts(): Promise<ReadonlySet<number>> {
  const tables = await Promise.all(['/proc/net/tcp', '/proc/net/tcp6'].map((file) => readFile(file, 'utf8').catch(() => '')));
  // A busy host has thousands of connections: only lines that may be meant are taken apart.
  const lines = tables.flatMap((text) => text.split('\n').filter((line) => line.includes(` ${LISTEN} `)));
  const rows = lines.map((line) => line.trim().split(/\s+/u));
  return new Set(rows.filter(([, , , state]) => state === LISTEN).map(([, local = '']) => Number.parseInt(local.split(':')[1] ?? '', 16)));
}

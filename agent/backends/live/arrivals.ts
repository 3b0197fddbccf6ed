import { createHash } from 'node:crypto';
import { mkdir, readdir, readFile, realpath, rm, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { z } from 'zod';
import { asStorageError } from '../../../runtime/errors.ts';
import type { Logger } from '../../../runtime/log.ts';
import { domainDisks } from '../../tools/domain-disks.ts';
import { isLaunched } from '../../tools/virsh.ts';
import { openedBy } from '../file/open-files.ts';
import { discard, flush, flushDirectory, publish, STAGE_PREFIX, stagePath } from '../file/stage.ts';
import { ARRIVING, isArrivalMark } from '../file/unended.ts';
import { ofDirectory } from './disk.ts';
import { ownSignal } from './jobs.ts';
import { settleNames } from './migration-names.ts';

/** A guest that is on its way to this host, and the run of the kernel in which it was expected. */
const Note = z.object({ uri: z.string(), domain: z.string(), directory: z.string(), boot: z.string().optional() });
export type Arrival = Omit<z.infer<typeof Note>, 'boot'>;

const ASK_EVERY_MS = 2000;

const notes = (stateDirectory: string): string => path.join(stateDirectory, 'arrivals');

const noteOf = (stateDirectory: string, directory: string): string =>
  path.join(notes(stateDirectory), `${createHash('sha256').update(directory).digest('hex').slice(0, 32)}.json`);

/** Marks a VM directory that is made for a guest to come: it may be removed again when the guest does not. */
export async function markArrival(directory: string, operationId: string): Promise<void> {
  await writeFile(stagePath(path.join(directory, ARRIVING.slice(1)), operationId), '', { flush: true });
}

/** Names of the marks in a directory; none: it is no directory that waits for a guest. */
export async function arrivalsIn(directory: string): Promise<readonly string[]> {
  const names = await readdir(directory).catch((thrown: unknown) => {
    const error = asStorageError(thrown, 'look into');
    if (error.reason !== 'not_found') throw error;
    return [];
  });
  return names.filter(isArrivalMark);
}

/** The guest is here: its directory is like any other. */
export async function removeArrival(stateDirectory: string, directory: string): Promise<void> {
  for (const name of await arrivalsIn(directory)) await discard(path.join(directory, name));
  await flushDirectory(directory);
  await forgetArrival(stateDirectory, directory);
}

/** On disk before the directory gets its name, so that the agent looks after the guest also when it was killed meanwhile. */
export async function noteArrival(stateDirectory: string, arrival: Arrival, operationId: string): Promise<void> {
  const file = noteOf(stateDirectory, arrival.directory);
  await mkdir(notes(stateDirectory), { recursive: true, mode: 0o700 });
  const stage = stagePath(file, operationId);
  await writeFile(stage, JSON.stringify({ ...arrival, boot: await bootId() }), { mode: 0o600 });
  await flush(stage);
  await publish(stage, file);
}

export async function forgetArrival(stateDirectory: string, directory: string): Promise<void> {
  await rm(noteOf(stateDirectory, directory), { force: true });
}

/**
 * Gives the disks of guests that have come their usual names, as soon as the hypervisor has opened them: until then `disk.N` may lead to an old
 * layer, which a guest must never be started from. postmigrate does the same; this is for when it never comes.
 */
export function watchArrivals(stateDirectory: string, log: Logger): { stop(): void } {
  const ended = new AbortController();
  void (async () => {
    for (;;) {
      for (const name of await readdir(notes(stateDirectory)).catch(() => [])) {
        if (name.endsWith('.json')) await lookAfter(path.join(notes(stateDirectory), name), log);
      }
      await delay(ASK_EVERY_MS, undefined, { ref: false, signal: ended.signal });
    }
  })().catch(() => undefined);
  return { stop: () => ended.abort() };
}

/** Never throws: what does not succeed is tried again. */
async function lookAfter(file: string, log: Logger): Promise<void> {
  try {
    const note = Note.parse(JSON.parse(await readFile(file, 'utf8')));
    const marks = await arrivalsIn(note.directory);
    const mark = marks[0];
    // Removed, or ended by postmigrate.
    if (mark === undefined) return await rm(file, { force: true });
    const restarted = await wasRestarted(note);
    if (!restarted && !(await isHere(note))) return;
    await settleNames(note.directory, mark.slice(STAGE_PREFIX.length, -ARRIVING.length));
    await rm(file, { force: true });
    const what = restarted ? 'this host was restarted while a guest was to come, or had just come' : 'a guest has come';
    log.info({ domain: note.domain, directory: note.directory }, `${what}: its disks have their usual names`);
  } catch (thrown) {
    const error = asStorageError(thrown);
    if (error.reason !== 'not_found') log.debug({ file, why: error.message }, 'a guest that is on its way could not be looked after');
  }
}

/** The hypervisor has disks in the directory open. */
async function isHere(note: Arrival): Promise<boolean> {
  const domain = { uri: note.uri, name: note.domain };
  if (!(await isLaunched(domain, ownSignal()))) return false;
  const disks = await domainDisks(domain, ownSignal());
  const own = path.dirname(await ofDirectory(path.join(note.directory, 'x')));
  const files = await Promise.all(disks.map((disk) => ofDirectory(disk.file)));
  return files.some((one) => one.startsWith(`${own}/`));
}

/**
 * The power went: no guest is on its way any more, and one that had come may be started again from its disks at any moment. So libvirt, which may
 * not even be up yet, is not asked. Who has such a disk open already has the wrong one, or another VM's: a person must look.
 */
async function wasRestarted({ boot, directory }: z.infer<typeof Note>): Promise<boolean> {
  if (boot === undefined || boot === (await bootId())) return false;
  return (await openedBy(await realpath(directory))) === undefined;
}

/** Another one each time the kernel starts. */
const bootId = async (): Promise<string> => (await readFile('/proc/sys/kernel/random/boot_id', 'utf8')).trim();

import { mkdtemp, open, rm } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { asStorageError } from '../../runtime/errors.ts';
import type { ToolContext } from './run.ts';
import { type Domain, FLUSH_MS, virsh } from './virsh.ts';

/** What a backup does with one target of a domain. */
export interface BackupTarget {
  readonly target: string;
  /** qcow2, there already, of the disk's size. */
  readonly file: string;
  /** Only what changed since this checkpoint; undefined: everything. */
  readonly since: string | undefined;
}

/** A checkpoint and the targets that have its bitmap. */
export interface Checkpoint {
  readonly name: string;
  readonly targets: readonly string[];
}

export interface JobProgress {
  readonly doneBytes: number;
  readonly totalBytes: number;
}

const escapeXml = (text: string): string => text.replace(/[&<>'"]/gu, (character) => `&#${character.codePointAt(0)};`);

/** Every target must be named: libvirt backs up, beside its file, what is not. */
function backupXml(targets: readonly BackupTarget[], others: readonly string[]): string {
  const rows = targets.map(({ target, file, since }) => {
    const mode = since === undefined ? `backupmode='full'` : `backupmode='incremental' incremental='${escapeXml(since)}'`;
    return `<disk name='${escapeXml(target)}' backup='yes' type='file' ${mode}><driver type='qcow2'/><target file='${escapeXml(file)}'/></disk>`;
  });
  const left = others.map((target) => `<disk name='${escapeXml(target)}' backup='no'/>`);
  return `<domainbackup mode='push'><disks>${[...rows, ...left].join('')}</disks></domainbackup>\n`;
}

function checkpointXml({ name, targets }: Checkpoint, others: readonly string[]): string {
  const rows = targets.map((target) => `<disk name='${escapeXml(target)}' checkpoint='bitmap' bitmap='${escapeXml(name)}'/>`);
  const left = others.map((target) => `<disk name='${escapeXml(target)}' checkpoint='no'/>`);
  // The time stands for nothing here, but libvirt wants one of a checkpoint that it is told of again.
  return `<domaincheckpoint><name>${escapeXml(name)}</name><creationTime>1</creationTime><disks>${[...rows, ...left].join('')}</disks></domaincheckpoint>\n`;
}

export async function checkpointNames(domain: Domain, context: ToolContext): Promise<string[]> {
  const text = await virsh(domain, ['checkpoint-list', domain.name, '--name'], context);
  return text.split('\n').filter((line) => line !== '');
}

/** Tells libvirt of a checkpoint whose bitmaps are in the images: it forgets them when a domain that is not defined ends. Error: broken_chain. */
export async function redefineCheckpoint(
  domain: Domain,
  checkpoint: Checkpoint,
  others: readonly string[],
  options: { readonly validate: boolean },
  context: ToolContext,
): Promise<void> {
  const how = ['--redefine', ...(options.validate ? ['--redefine-validate'] : [])];
  await withDocuments([checkpointXml(checkpoint, others)], (names, files) =>
    virsh(domain, ['checkpoint-create', domain.name, ...names, ...how], context, undefined, files),
  );
}

/** With its bitmaps; of one whose bitmaps are gone libvirt forgets at least the name. */
export async function deleteCheckpoint(domain: Domain, name: string, context: ToolContext): Promise<void> {
  try {
    await virsh(domain, ['checkpoint-delete', domain.name, name], context);
  } catch (thrown) {
    if (asStorageError(thrown).reason !== 'broken_chain') throw thrown;
    await virsh(domain, ['checkpoint-delete', domain.name, name, '--metadata'], context).catch((again: unknown) => {
      if (asStorageError(again).reason !== 'broken_chain') throw again;
    });
  }
}

/** Bytes that changed since a checkpoint, by target. */
export async function changedSince(domain: Domain, name: string, context: ToolContext): Promise<ReadonlyMap<string, number>> {
  const xml = await virsh(domain, ['checkpoint-dumpxml', domain.name, name, '--size', '--no-domain'], context);
  const sizes = new Map<string, number>();
  for (const [, target = '', size = '0'] of xml.matchAll(/<disk name='([^']*)'[^>]* size='(\d+)'/gu)) sizes.set(target, Number(size));
  return sizes;
}

/** From one moment on, the same for all targets, their content is copied; a checkpoint of that moment is made with it, if one is wanted. */
export async function beginBackup(
  domain: Domain,
  order: { readonly targets: readonly BackupTarget[]; readonly others: readonly string[] },
  point: { readonly checkpoint: Checkpoint; readonly others: readonly string[] } | undefined,
  context: ToolContext,
): Promise<void> {
  const documents = [
    backupXml(order.targets, order.others),
    ...(point === undefined ? [] : [checkpointXml(point.checkpoint, point.others)]),
  ];
  await withDocuments(documents, (names, files) =>
    virsh(domain, ['backup-begin', domain.name, ...names, '--reuse-external'], context, FLUSH_MS, files),
  );
}

/** virsh reads documents from files that can be opened by name; these have none, so nothing is left of them whatever happens. */
async function withDocuments(texts: readonly string[], use: (names: string[], files: number[]) => Promise<unknown>): Promise<void> {
  const directory = await mkdtemp(path.join(os.tmpdir(), 'onestorage-virsh-'));
  const handles = await Promise.all(texts.map((_, index) => open(path.join(directory, String(index)), 'wx+', 0o600)));
  await rm(directory, { recursive: true });
  try {
    for (const [index, handle] of handles.entries()) await handle.writeFile(texts[index] ?? '');
    await use(
      handles.map((_, index) => `/dev/fd/${index + 3}`),
      handles.map(({ fd }) => fd),
    );
  } finally {
    for (const handle of handles) await handle.close();
  }
}

/** The files a backup under way writes to; undefined: none is. */
export async function backupUnderWay(domain: Domain, context: ToolContext): Promise<readonly string[] | undefined> {
  try {
    const xml = await virsh(domain, ['backup-dumpxml', domain.name], context);
    return [...xml.matchAll(/<target file='([^']*)'/gu)].map(([, file = '']) => unescapeXml(file));
  } catch (thrown) {
    if (asStorageError(thrown).reason === 'conflict') return undefined;
    throw thrown;
  }
}

const NAMED: Readonly<Record<string, string>> = { amp: '&', lt: '<', gt: '>', apos: "'", quot: '"' };
const unescapeXml = (text: string): string => text.replace(/&(\w+);/gu, (whole: string, name: string) => NAMED[name] ?? whole);

/** A commit of what a guest wrote during a backup is no matter of seconds. */
const HOUR_MS = 3_600_000;

const UNITS: Readonly<Record<string, number>> = { B: 1, KiB: 2 ** 10, MiB: 2 ** 20, GiB: 2 ** 30, TiB: 2 ** 40, PiB: 2 ** 50 };

/** undefined: no backup runs. */
export async function backupProgress(domain: Domain, context: ToolContext): Promise<JobProgress | undefined> {
  const text = await virsh(domain, ['domjobinfo', domain.name], context);
  if (!/^Operation:\s+Backup/mu.test(text)) return undefined;
  const value = (name: string): number => {
    const [, number = '0', unit = 'B'] = new RegExp(`^File ${name}:\\s+([\\d.]+) (\\w+)`, 'mu').exec(text) ?? [];
    return Math.round(Number(number) * (UNITS[unit] ?? 1));
  };
  return { doneBytes: value('processed'), totalBytes: value('total') };
}

/** How the last job ended: Completed, Failed, Cancelled; undefined: there was none, or it was no backup. */
export async function lastBackup(domain: Domain, context: ToolContext): Promise<string | undefined> {
  const text = await virsh(domain, ['domjobinfo', domain.name, '--completed', '--keep-completed', '--anystats'], context);
  return /^Operation:\s+Backup/mu.test(text) ? /^Job type:\s+(\w+)/mu.exec(text)?.[1] : undefined;
}

/** Ends a backup; the guest runs on. */
export async function abortBackup(domain: Domain, context: ToolContext): Promise<void> {
  await virsh(domain, ['domjobabort', domain.name], context);
}

/** Slows the copy of one target. It may have ended already. */
export async function limitBackup(domain: Domain, target: string, bytesPerSecond: number, context: ToolContext): Promise<void> {
  const argv = ['blockjob', domain.name, target, '--bandwidth', String(Math.max(1, Math.round(bytesPerSecond))), '--bytes'];
  await virsh(domain, argv, context).catch((thrown: unknown) => {
    if (!/does not have an active block job|cannot accept command verb/iu.test(asStorageError(thrown).message)) throw thrown;
  });
}

/** Writes the active layer into the one below, and lets the guest go on with that. */
export async function commitActive(domain: Domain, target: string, context: ToolContext): Promise<void> {
  await virsh(
    domain,
    ['blockcommit', domain.name, target, '--active', '--shallow', '--pivot', '--wait', '--keep-relative'],
    context,
    HOUR_MS,
  );
}

/** Lets libvirt forget a snapshot, if it knows it; files stay. */
export async function forgetSnapshot(domain: Domain, name: string, context: ToolContext): Promise<void> {
  const text = await virsh(domain, ['snapshot-list', domain.name, '--name'], context);
  if (text.split('\n').includes(name)) await virsh(domain, ['snapshot-delete', domain.name, name, '--metadata'], context);
}

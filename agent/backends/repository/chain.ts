import { StorageError } from '../../../runtime/errors.ts';
import type { ChainOf } from './input.ts';
import { type Backup, isBackupId } from './repository.ts';

/** A file of a backup, by its name: `disk.0.2`, `disk.tpm.0`, `disk.0.rbd2`, `disk.0.2.rbdiff` (contract 7.2). */
export interface DiskName {
  readonly diskId: string;
  readonly format: 'raw' | 'rbd';
}

export function diskOf(name: string): DiskName | undefined {
  const [, diskId, rest] = /^disk\.(\d+|tpm)\.([\w.]+)$/u.exec(name) ?? [];
  if (diskId === undefined || rest === undefined) return undefined;
  return { diskId, format: /rbd2$|rbdiff$/u.test(rest) ? 'rbd' : 'raw' };
}

/** One link of a chain that is there. */
export interface Link {
  /** The highest id of what it holds. */
  readonly id: number;
  readonly backup: Backup;
}

/** Checks a chain by its text alone. Error bad_argument. */
export function checkChain(chain: ChainOf): ChainOf {
  if (chain.length === 0) throw new StorageError('bad_argument', 'the chain of backups is empty');
  for (const [index, { id, backupId }] of chain.entries()) {
    if (!isBackupId(backupId)) throw new StorageError('bad_argument', `'${backupId.slice(0, 70)}' is not the id of a backup`);
    const before = chain[index - 1];
    if (before !== undefined && before.id >= id) throw new StorageError('bad_argument', 'the increments of the chain are not in order');
  }
  return chain;
}

/**
 * The backup that an id means now: itself, or what it was merged into. A merge counts as soon as one of what it replaces has gone: what a crash
 * left of the others is older than it.
 */
export function findBackup(catalog: readonly Backup[], backupId: string): Backup | undefined {
  const short = backupId.slice(0, 8);
  const ids = new Set(catalog.map((each) => each.backupId));
  const into = catalog.findLast(({ merged }) => merged.includes(short));
  if (into?.merged.some((id) => !ids.has(id)) === true) return into;
  return catalog.find((each) => each.backupId === short);
}

/** Error broken_chain names what is neither there nor merged into another. */
export function mustHave(catalog: readonly Backup[], chain: ChainOf): void {
  const lost = chain.filter(({ backupId }) => findBackup(catalog, backupId) === undefined).map(({ id, backupId }) => `${id} (${backupId})`);
  if (lost.length > 0)
    throw new StorageError('broken_chain', `the repository has lost increment ${lost.join(', ')}, so no increment can follow`);
}

/**
 * A chain as the repository has it: increments that were merged are one link. Error not_found names the increments that are missing;
 * an increment that only exists merged with later ones cannot be told apart from them.
 */
export function resolveChain(catalog: readonly Backup[], chain: ChainOf, label: string): readonly Link[] {
  const missing = chain.filter(({ backupId }) => findBackup(catalog, backupId) === undefined);
  if (missing.length > 0) {
    const names = missing.map(({ id, backupId }) => `${id}:${backupId}`).join(', ');
    throw new StorageError(
      'not_found',
      `repository ${label} does not have increment ${names}; make the next backup a full one (onestorage backups reset)`,
    );
  }
  const links: Link[] = [];
  for (const { id, backupId } of chain) {
    const backup = findBackup(catalog, backupId);
    if (backup === undefined) continue;
    const last = links.at(-1);
    if (last?.backup.backupId === backup.backupId) links[links.length - 1] = { id, backup };
    else links.push({ id, backup });
  }
  const wanted = chain.at(-1);
  const end = links.at(-1)?.backup;
  const top = end?.merged.at(-1);
  if (wanted !== undefined && end !== undefined && end.backupId !== wanted.backupId.slice(0, 8) && top !== wanted.backupId.slice(0, 8)) {
    throw new StorageError(
      'not_found',
      `increment ${wanted.id} was merged with later ones into backup ${end.backupId} and cannot be had alone`,
    );
  }
  return links;
}

/** The links that hold a disk, its first data first. Error not_found, broken_chain: the disk is missing in the middle. */
export function linksOf(links: readonly Link[], diskId: string, label: string): readonly (Link & { readonly name: string })[] {
  const held = links.map((link) => ({ ...link, name: link.backup.files.find(({ name }) => diskOf(name)?.diskId === diskId)?.name }));
  const last = held.at(-1);
  if (last?.name === undefined) throw new StorageError('not_found', `increment ${last?.id ?? 0} at ${label} has no disk ${diskId}`);
  // Attached after the first backup: its data starts where its first file is.
  const own = held.slice(held.findIndex(({ name }) => name !== undefined));
  const gap = own.find(({ name }) => name === undefined);
  if (gap !== undefined) {
    throw new StorageError('broken_chain', `increment ${gap.id} at ${label} lacks disk ${diskId}, which those before and after it have`);
  }
  return own.map(({ name, ...link }) => ({ ...link, name: name ?? '' }));
}

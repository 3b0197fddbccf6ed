import { readlink } from 'node:fs/promises';
import path from 'node:path';
import { type Finding, finding, namesIn } from './finding.ts';
import { lstatOrNothing } from './look.ts';
import { STAGE_PREFIX } from './stage.ts';

/** How the mark of a directory that waits for a guest ends; before it stands the id of the operation that made the directory. */
export const ARRIVING = '.arriving';

/** A mark, which outlives its operation: it belongs to a migration that is not over. */
export const isArrivalMark = (name: string): boolean => name.startsWith(STAGE_PREFIX) && name.endsWith(ARRIVING);

const USUAL = 'the next snapshot, backup or migration gives the disk its usual names';

/**
 * What actions on a running VM leave when nobody ever ends them; `names` are those in its directory. Never set aside: what the guest writes to
 * may be in it. While a VM is migrated or backed up the same names are right, so whoever asks must know that it rests.
 */
export async function* unended(root: string, vm: string, names: readonly string[]): AsyncGenerator<Finding> {
  for (const entry of names) {
    const name = `${vm}/${entry}`;
    const told = (problem: 'unended_migration' | 'unended_backup', text: string): Promise<Finding> => finding(root, name, problem, text);
    if (/^disk\.\d+\.migrating$/u.test(entry)) {
      yield await told('unended_migration', `a live migration that was not ended put the active layer here: ${USUAL}`);
    } else if (/^disk\.\d+$/u.test(entry) && (await isLayerOfItself(path.join(root, vm), entry))) {
      yield await told('unended_migration', `a live migration that was not ended put the active layer in the place of its link: ${USUAL}`);
    } else if (isArrivalMark(entry)) {
      yield await told('unended_migration', 'a live migration to this host was not ended: it goes with postmigrate or failmigrate');
    } else if (entry === 'backup') {
      yield await told('unended_backup', 'a backup that was not ended staged it: the next backup of the VM replaces it');
    } else if (entry === 'tmp' && (await namesIn(path.join(root, name))).some((one) => /^overlay_\d+\.qcow2$/u.test(one))) {
      const text = 'a backup of the stock drivers that was not ended left an overlay, which may hold what the guest wrote last';
      yield await told('unended_backup', `${text}: the next backup of the VM writes it into the disk`);
    }
  }
}

/** A plain file that a name in its .snap leads to. */
async function isLayerOfItself(directory: string, disk: string): Promise<boolean> {
  if ((await lstatOrNothing(path.join(directory, disk)))?.isFile() !== true) return false;
  const snapshots = path.join(directory, `${disk}.snap`);
  for (const name of await namesIn(snapshots)) {
    if (/^\d+$/u.test(name) && (await readlink(path.join(snapshots, name)).catch(() => '')) === `../${disk}`) return true;
  }
  return false;
}

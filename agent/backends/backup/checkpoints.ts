import { asStorageError } from '../../../runtime/errors.ts';
import type { ToolContext } from '../../tools/run.ts';
import type { Domain } from '../../tools/virsh.ts';
import { checkpointNames, deleteCheckpoint, redefineCheckpoint } from '../../tools/virsh-backup.ts';
import { readBitmaps } from '../file/bitmaps.ts';
import { isCheckpoint } from './work.ts';

/** A qcow2 disk of a running guest. */
export interface Tracked {
  readonly target: string;
  /** Its active layer. */
  readonly file: string;
}

/**
 * Makes libvirt know a checkpoint whose bitmaps are in the disks, and look whether they are whole. undefined: they are; else why not: an
 * increment from there would miss something.
 */
export async function findCheckpoint(
  domain: Domain,
  name: string,
  tracked: readonly Tracked[],
  others: readonly string[],
  context: ToolContext,
): Promise<string | undefined> {
  try {
    await redefineCheckpoint(domain, { name, targets: tracked.map(({ target }) => target) }, others, { validate: true }, context);
    return undefined;
  } catch (thrown) {
    const error = asStorageError(thrown);
    if (error.reason !== 'broken_chain') throw error;
    return error.message;
  }
}

/** Removes the checkpoints of a VM's backups but one, with their bitmaps, also those that libvirt has forgotten. */
export async function removeCheckpoints(
  domain: Domain,
  vmId: number,
  keep: string | undefined,
  tracked: readonly Tracked[],
  others: readonly string[],
  context: ToolContext,
): Promise<void> {
  const known = new Set((await checkpointNames(domain, context)).filter((name) => isCheckpoint(vmId, name)));
  const stored = new Map<string, string[]>();
  for (const { target, file } of tracked) {
    for (const { name } of await readBitmaps(file)) if (isCheckpoint(vmId, name)) stored.set(name, [...(stored.get(name) ?? []), target]);
  }
  for (const name of new Set([...known, ...stored.keys()])) {
    if (name === keep) continue;
    const targets = stored.get(name) ?? [];
    const without = [...others, ...tracked.map(({ target }) => target).filter((target) => !targets.includes(target))];
    // Not looked at: also a bitmap that a killed qemu left inconsistent goes this way.
    if (!known.has(name)) await redefineCheckpoint(domain, { name, targets }, without, { validate: false }, context);
    await deleteCheckpoint(domain, name, context);
  }
}

import { readdir, rmdir, stat, unlink } from 'node:fs/promises';
import path from 'node:path';
import { asStorageError } from '../../../runtime/errors.ts';
import type { OperationContext } from '../../../runtime/operations/types.ts';
import { commitDown } from '../../tools/qemu-img.ts';
import type { ToolContext } from '../../tools/run.ts';
import { type Domain, domainState } from '../../tools/virsh.ts';
import { commitActive, forgetSnapshot } from '../../tools/virsh-backup.ts';
import { readChain } from '../file/chain.ts';
import { readHeader } from '../file/layers.ts';
import { flushDirectory } from '../file/stage.ts';
import type { BackupDisk } from './work.ts';

/** As the stock drivers call what a guest writes to while they copy its disks (contract 7.3). */
const OVERLAY = /^overlay_(\d+)\.qcow2$/u;

const directoryOf = (vmDirectory: string): string => path.join(vmDirectory, 'tmp');

type Log = Pick<OperationContext, 'log'>;

/**
 * A backup of the stock drivers that was cut short leaves a guest writing to an overlay: what is in it is written into the disk, and the guest
 * goes on with the disk. Such a file is never just removed: it holds what the guest wrote last.
 */
export async function commitLeftOverlays(domain: Domain, vmDirectory: string, vmId: number, context: ToolContext & Log): Promise<void> {
  const { disks } = await domainState(domain, context);
  const own = directoryOf(vmDirectory);
  for (const [target, chain] of disks) {
    const top = path.normalize(chain[0]?.path ?? '');
    if (path.dirname(top) !== path.normalize(own) || !OVERLAY.test(path.basename(top))) continue;
    context.log('warn', `an interrupted backup left the guest on ${top}: it is written into the disk`);
    await commitActive(domain, target, context);
    await removeOverlay(top);
  }
  if (domain.name !== '') await forgetSnapshot(domain, `one-${vmId}-backup`, context);
}

/** The same for a VM that is off; an overlay that is older than its disk belongs to no guest any more, and a person must look. */
export async function commitLeftOverlaysOff(vmDirectory: string, disks: readonly BackupDisk[], context: ToolContext & Log): Promise<void> {
  for (const name of await readdir(directoryOf(vmDirectory)).catch(() => [])) {
    const file = path.join(directoryOf(vmDirectory), name);
    const disk = disks.find(({ id }) => String(id) === OVERLAY.exec(name)?.[1]);
    if (disk === undefined || (await isEmpty(file))) continue;
    const [active] = await readChain(disk.path, disk.format, disk.root);
    const times = await Promise.all([stat(file), stat(active?.path ?? disk.path)]);
    if (times[0].mtimeMs < times[1].mtimeMs) {
      context.log('warn', `${file} was left by an interrupted backup, and the disk was written to after it: it stays, look at it`);
      continue;
    }
    context.log('warn', `${file} was left by an interrupted backup: it is written into the disk`);
    await commitDown(file, context);
    await removeOverlay(file);
  }
}

async function isEmpty(file: string): Promise<boolean> {
  const header = await readHeader(file).catch(() => undefined);
  return header === undefined || header.empty;
}

async function removeOverlay(file: string): Promise<void> {
  await unlink(file);
  await flushDirectory(path.dirname(file));
  await rmdir(path.dirname(file)).catch((thrown: unknown) => {
    // Something else is in it.
    if (asStorageError(thrown).reason !== 'conflict') throw thrown;
  });
}

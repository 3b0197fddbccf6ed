import path from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { asStorageError } from '../../../runtime/errors.ts';
import type { OperationContext } from '../../../runtime/operations/types.ts';
import type { ToolContext } from '../../tools/run.ts';
import type { Domain } from '../../tools/virsh.ts';
import { backupProgress } from '../../tools/virsh-backup.ts';
import { closeNode, type OpenNode, openNodes, removeLooseBitmap } from '../../tools/virsh-monitor.ts';
import { STAGE_PREFIX } from '../file/stage.ts';
import type { Staging } from './staging.ts';

/** libvirt's name for the bitmap of a copy. */
const OF_COPY = /^backup-/u;
/** libvirt tidies up behind a copy that it sees end. */
const TIDIES_MS = 1000;
const TRIES = 10;

type Context = ToolContext & Pick<OperationContext, 'log'>;

/** May a lost copy be why `backup-begin` failed? libvirt 9.0 was seen to say so, and to crash over it. */
export function mayBeOfLostCopy(thrown: unknown): boolean {
  const { reason, message } = asStorageError(thrown);
  return reason === 'unavailable' || /bitmap already exists: backup-/iu.test(message);
}

/**
 * A copy that ended while libvirtd was down is never ended by the one that comes after it (libvirt 9.0): its bitmap keeps the next one from beginning,
 * and its files stay open in qemu, their space taken though they were removed. Both are given back. Nothing while a copy runs.
 * false: there was nothing.
 */
export async function forgetLostCopies(domain: Domain, staging: Staging, context: Context): Promise<boolean> {
  for (let tries = 0; tries < TRIES && (await backupProgress(domain, context)) !== undefined; tries += 1) await delay(TIDIES_MS);
  if ((await backupProgress(domain, context)) !== undefined) return false;
  const isLeft = (node: OpenNode): boolean => isStaged(staging, node.file) || node.looseBitmaps.some((name) => OF_COPY.test(name));
  const before = (await openNodes(domain, context)).filter(isLeft);
  if (before.length === 0) return false;
  await delay(TIDIES_MS);
  const left = (await openNodes(domain, context)).filter((node) => isLeft(node) && before.some(({ name }) => name === node.name));
  for (const node of left) {
    for (const name of node.looseBitmaps.filter((each) => OF_COPY.test(each))) await removeLooseBitmap(domain, node.name, name, context);
  }
  // What lies on top of a file first.
  const files = left
    .filter(({ file }) => isStaged(staging, file))
    .sort((a, b) => Number(a.driver === 'file') - Number(b.driver === 'file'));
  for (const { name } of files) {
    await closeNode(domain, name, context).catch((thrown: unknown) =>
      context.log('warn', `it stays open: ${asStorageError(thrown).message}`),
    );
  }
  if (left.length > 0) context.log('warn', `domain ${domain.name} had a copy open that libvirt has lost sight of: it is closed`);
  return left.length > 0;
}

function isStaged({ directory }: Staging, file: string): boolean {
  const at = path.dirname(file);
  return path.dirname(at) === path.dirname(directory) && (at === directory || path.basename(at).startsWith(STAGE_PREFIX));
}

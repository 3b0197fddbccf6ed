import { mkdir, readdir, rename, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { asStorageError, StorageError } from '../../../runtime/errors.ts';
import type { Bytes } from '../../../runtime/units.ts';
import { create } from '../../tools/qemu-img.ts';
import { markZero } from '../../tools/qemu-io.ts';
import type { ToolContext } from '../../tools/run.ts';
import { lstatOrNothing } from '../file/look.ts';
import { locate, type PlaceOf } from '../file/places.ts';
import { removeTree, setAside } from '../file/remove.ts';
import { discard, flush, flushDirectory, stagePath } from '../file/stage.ts';

/** Where the files of a backup are made, and where backup datastores find them (contract 7.2). */
export interface Staging {
  /** `<VM directory>/backup`, or `<BACKUP_BASE_PATH>/<vm>/backup`. */
  readonly directory: string;
  /** The same under its temporary name. */
  readonly stage: string;
}

/** The directory with the files of a VM's backup. `vm` is the directory of the VM: `<datastore>`, `<vm>`. Throws outside_datastore. */
export async function stagedDirectory(host: { datastores: string; backupBasePath?: string | undefined }, vm: PlaceOf): Promise<string> {
  const { path: directory } = await locate(host.datastores, { ...vm, path: `${vm.path}/backup` });
  if (!/^\d+$/u.test(vm.path)) throw new StorageError('bad_argument', `'${vm.path}' is not the directory of a VM`);
  return host.backupBasePath === undefined ? directory : path.join(host.backupBasePath, vm.path, 'backup');
}

export const stagingOf = (directory: string, operationId: string): Staging => ({ directory, stage: stagePath(directory, operationId) });

/** An empty directory to stage in; what an earlier backup left under the final name goes, because it would be taken for this one. */
export async function beginStaging({ directory, stage }: Staging): Promise<void> {
  const parent = path.dirname(directory);
  await mkdir(parent, { recursive: true }).catch((thrown: unknown) => {
    throw asStorageError(thrown, 'make the backup directory');
  });
  await setAside(directory, stage);
  await discard(stage);
  await mkdir(stage, { mode: 0o700 });
  await flushDirectory(parent);
}

export const fileOf = ({ stage }: Staging, disk: number | 'tpm', increment: number): string =>
  path.join(stage, `disk.${disk}.${increment}`);

/**
 * An empty file for one disk. `complete`: what is not written to it is zero, and not what an earlier increment holds: a reader lays increments
 * over one another.
 */
export async function makeFile(file: string, size: Bytes, complete: boolean, context: ToolContext): Promise<void> {
  await create(file, 'qcow2', size, {}, context);
  if (complete) await markZero(file, size, context);
}

/** Base64 in lines of 60 characters, as the stock drivers write it. */
export async function writeDocument({ stage }: Staging, document: string): Promise<void> {
  const lines =
    Buffer.from(document)
      .toString('base64')
      .match(/.{1,60}/gu) ?? [];
  await writeFile(path.join(stage, 'vm.xml'), `${lines.join('\n')}\n`);
}

/** Gives all files their place at once. Done already: success. */
export async function publishStaging({ directory, stage }: Staging): Promise<void> {
  if ((await lstatOrNothing(stage)) === undefined && (await lstatOrNothing(directory)) !== undefined) return;
  for (const name of await readdir(stage)) await flush(path.join(stage, name));
  await flushDirectory(stage);
  await rename(stage, directory).catch((thrown: unknown) => {
    throw asStorageError(thrown, 'publish the backup');
  });
  await flushDirectory(path.dirname(directory));
}

/** Removes what was staged; not there: fine. Stages that no operation will come back to go, too. */
export async function removeStaged(directory: string): Promise<void> {
  const parent = path.dirname(directory);
  const names = await readdir(parent).catch(() => []);
  for (const name of names) if (/^\.onestorage\..*\.backup$/u.test(name)) await discard(path.join(parent, name));
  await removeTree(directory);
}

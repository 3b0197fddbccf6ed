import { StorageError } from '../../../runtime/errors.ts';
import { diskOf, findBackup, resolveChain } from './chain.ts';
import { HEAD_BYTES, readSmall, virtualSizeOf } from './facts.ts';
import type { ChainOf } from './input.ts';
import { sizeOfExport } from './rbd-chain.ts';
import type { Backup, Repository, RepositoryContext, StoredFile } from './repository.ts';

export interface ListedDisk {
  readonly diskId: string;
  readonly path: string;
  readonly sizeBytes: number;
  /** 0: not known. */
  readonly virtualSizeBytes: number;
  readonly checksumKnown: boolean;
  readonly format: 'raw' | 'rbd';
  readonly increments: readonly number[];
}

export interface Listing {
  readonly disks: readonly ListedDisk[];
  readonly vmXml: string;
  readonly increments: readonly { readonly id: number; readonly backupId: string; readonly backup: Backup | undefined }[];
}

export interface WhatToList {
  readonly chain: ChainOf;
  /** Empty: all. */
  readonly diskId: string;
  readonly withDocument: boolean;
}

/** What a chain holds at its end. Of `diskId` the virtual size is read from the file when nothing else says it. Changes nothing. */
export async function listBackup(
  repository: Repository,
  { chain, diskId, withDocument }: WhatToList,
  context: RepositoryContext,
): Promise<Listing> {
  const catalog = await repository.catalog(context);
  const increments = chain.map(({ id, backupId }) => ({ id, backupId, backup: findBackup(catalog, backupId) }));
  // Of a chain with holes its state is all there is to tell.
  if (increments.some(({ backup }) => backup === undefined)) return { disks: [], vmXml: '', increments };
  const links = resolveChain(catalog, chain, repository.label);
  const last = links.at(-1);
  if (last === undefined) throw new StorageError('bad_argument', 'the chain of backups is empty');
  const { backupId } = last.backup;
  const files = await repository.files(backupId, context);
  const disks: ListedDisk[] = [];
  for (const file of files) {
    const disk = diskOf(file.name);
    if (disk === undefined || (diskId !== '' && disk.diskId !== diskId)) continue;
    const known = file.virtualBytes ?? (disk.diskId === diskId ? await readVirtualSize(repository, backupId, file, context) : 0);
    const held = links.filter(({ backup }) => backup.files.some(({ name }) => diskOf(name)?.diskId === disk.diskId));
    disks.push({
      ...disk,
      path: file.path,
      sizeBytes: file.sizeBytes,
      virtualSizeBytes: known,
      checksumKnown: file.sha256 !== undefined,
      increments: held.map(({ id }) => id),
    });
  }
  const vm = withDocument ? files.find(({ name }) => name === 'vm.xml') : undefined;
  const vmXml = vm === undefined ? '' : decode(await readSmall(repository.read(backupId, vm, context), 'vm.xml'));
  disks.sort((a, b) => a.diskId.localeCompare(b.diskId, 'en', { numeric: true }));
  return { disks, vmXml, increments };
}

async function readVirtualSize(repository: Repository, backupId: string, file: StoredFile, context: RepositoryContext): Promise<number> {
  if (diskOf(file.name)?.format === 'rbd') return await sizeOfExport(repository, { backupId, file }, context);
  let head = Buffer.alloc(0);
  for await (const chunk of repository.read(backupId, file, context)) {
    head = Buffer.concat([head, chunk]);
    if (head.length >= HEAD_BYTES) break;
  }
  return virtualSizeOf(head) ?? file.sizeBytes;
}

/** vm.xml is base64 over several lines (contract 7.2); what is not, is taken as it is. */
function decode(text: string): string {
  return text.trimStart().startsWith('<') ? text : Buffer.from(text, 'base64').toString('utf8');
}

/** Bytes of all files of a chain. */
export async function totalBytes(repository: Repository, chain: ChainOf, context: RepositoryContext): Promise<number> {
  let sum = 0;
  for (const { backupId } of chain) {
    const files = await repository.files(backupId, context);
    sum += files.filter(({ name }) => diskOf(name) !== undefined).reduce((size, file) => size + file.sizeBytes, 0);
  }
  return sum;
}

import type { BackupFile__Output } from '../../proto/gen/onestorage/v1/BackupFile.ts';
import type { BackupState__Output } from '../../proto/gen/onestorage/v1/BackupState.ts';
import type { ListBackupResponse__Output } from '../../proto/gen/onestorage/v1/ListBackupResponse.ts';
import { StorageError } from '../../runtime/errors.ts';
import { type BackupImage, chainUpTo, type IncrementRecord } from '../opennebula/backup-data.ts';
import { child, childrenOf } from '../opennebula/pick.ts';
import type { XmlElement } from '../opennebula/xml.ts';
import type { ChainLink } from './address.ts';

/** A chain as agents and addresses take it. Throws not_found for an increment that the backup does not have. */
export function linksUpTo(image: BackupImage, incrementId: number): readonly ChainLink[] {
  return chainUpTo(image, incrementId).map(linkOf);
}

function linkOf({ id, source }: IncrementRecord): ChainLink {
  return { id, backupId: source };
}

/** Links that the repository does not have: they were pruned, or their upload never ended. What was merged into another is there. */
function lostLinks(listing: Pick<ListBackupResponse__Output, 'increments'>): readonly BackupState__Output[] {
  return listing.increments.filter(({ present, mergedInto }) => !present && mergedInto === '');
}

/** Throws broken_chain with the increments that are gone, and the ones that can still be restored. */
export function mustBeWhole(imageId: number, listing: Pick<ListBackupResponse__Output, 'increments'>): void {
  const lost = lostLinks(listing);
  if (lost.length === 0) return;
  const text = lost.map(({ increment }) => `${increment?.id} (${increment?.backupId})`).join(', ');
  const first = listing.increments.findIndex((state) => lost.includes(state));
  const left = first > 0 ? `; up to increment ${listing.increments[first - 1]?.increment?.id} it can be restored` : '';
  throw new StorageError('broken_chain', `backup ${imageId} is not whole: the repository does not have increment ${text}${left}`);
}

/** The disks of a listing by their id; without the TPM. */
export function disksOf(listing: Pick<ListBackupResponse__Output, 'files'>): ReadonlyMap<number, BackupFile__Output> {
  return new Map(listing.files.filter(({ diskId }) => diskId !== 'tpm').map((file) => [Number(file.diskId), file]));
}

/** The `<DISK>` elements of a VM's document. */
export function vmDisks(vm: XmlElement): readonly XmlElement[] {
  return childrenOf(child(vm, 'TEMPLATE'), 'DISK');
}

import { asStorageError, StorageError } from '../../runtime/errors.ts';
import type { WordsOf } from '../../shims/words.ts';
import { disksOf, linksUpTo, mustBeWhole } from '../backups/chain.ts';
import { directoryFor, repositoryOf } from '../backups/repository.ts';
import type { AgentRequests } from '../hosts/agent-calls.ts';
import { datastoreRecord } from '../opennebula/action-data.ts';
import { backupImage } from '../opennebula/backup-data.ts';
import type { VmDisk, VmDocument } from '../opennebula/vm-document.ts';
import { repositoryHost } from './backup-datastore.ts';
import { formatOfDisk } from './disks.ts';
import type { Flow, FlowTools, Place } from './flow.ts';

interface Wanted {
  readonly disk: VmDisk;
  readonly place: Place;
  /** Beside it, until all are there. */
  readonly replacement: Place;
}

interface Swap {
  readonly name: string;
  readonly disk: Place;
  readonly replacement: Place;
}

/**
 * Disks of a backup in the place of those of a VM that is off (contract 8). The old disks stay until every new one is there and checked; then all
 * are swapped in one operation of the host's agent.
 */
export const restoreDisks: Flow<'tm/restore'> = {
  class: 'backup',
  run: async (words, tools) => {
    const host = tools.host(words.directory.host);
    const vm = await tools.vm(words.vmId);
    const image = backupImage(await tools.image(words.imageId));
    const datastore = datastoreRecord(await tools.datastore(image.datastoreId));
    const repository = await repositoryOf(datastore, directoryFor(datastore, image.vmId, image.jobId));
    const increments = [...linksUpTo(image, words.incrementId)];
    const listing = await tools.listBackup(await repositoryHost(datastore, tools), repository, increments);
    mustBeWhole(image.id, listing);
    const wanted = wantedDisks(words, vm, [...disksOf(listing).keys()], tools);
    const sizes = new Map<number, number>();
    for (const { disk, replacement } of wanted) {
      const id = disk.diskId;
      // What a stock driver left when it failed.
      await tools.run(host, `clear-${id}`, 'Disks/Remove', { target: replacement });
      const { sizeBytes } = await tools.run(host, `restore-${id}`, 'Backups/Restore', {
        repository,
        chain: { increments },
        diskId: String(id),
        target: replacement,
        format: formatOfDisk(vm, disk),
        preallocate: !disk.sparse,
      });
      sizes.set(id, sizeBytes);
    }
    const swaps = wanted.map(({ disk, place, replacement }): Swap => ({ name: String(disk.diskId), disk: place, replacement }));
    const hasTpm = listing.files.some(({ diskId }) => diskId === 'tpm');
    // As stock takes it: with all disks, or with the first one.
    if (hasTpm && vm.tpm && words.diskId <= 0) swaps.push(...(await restoreTpm(words, { repository, chain: { increments } }, tools)));
    tools.commit();
    try {
      await tools.run(
        host,
        'swap',
        'Backups/Swap',
        { disks: swaps.map(({ disk, replacement }) => ({ disk, replacement })) },
        { wait: true },
      );
    } catch (thrown) {
      // It changes nothing, or does all: what is still beside the disks is not needed.
      for (const { name, replacement } of swaps)
        await tools.run(host, `discard-${name}`, 'Disks/Remove', { target: replacement }, { wait: true });
      throw thrown;
    }
    for (const { disk, place } of wanted) {
      // It was grown after the backup; OpenNebula goes by the size that it has in its records.
      if (disk.size === undefined || disk.size <= (sizes.get(disk.diskId) ?? 0)) continue;
      const request = { target: place, sizeBytes: disk.size, format: formatOfDisk(vm, disk), preallocate: !disk.sparse };
      await tools.run(host, `grow-${disk.diskId}`, 'Disks/Resize', request, { wait: true });
    }
    return '';
  },
  undo: async (words, tools) => {
    const host = tools.host(words.directory.host);
    const directory = tools.vmPlace(words.directory.path, words.vmId);
    const vm = await tools.vm(words.vmId);
    for (const { diskId } of vm.disks) {
      if (words.diskId !== -1 && diskId !== words.diskId) continue;
      await tools.run(host, `undo-${diskId}`, 'Disks/Remove', { target: replacementOf(directory, diskId) });
    }
    if (vm.tpm) await tools.run(host, 'undo-tpm', 'Disks/Remove', { target: tpmPlaces(directory).replacement });
  },
};

/** The state of the TPM where the next start of the VM finds it (contract 7.2); without it the disks are restored all the same. */
async function restoreTpm(
  words: WordsOf<'tm/restore'>,
  from: Pick<AgentRequests['Backups/Restore'], 'repository' | 'chain'>,
  tools: FlowTools,
): Promise<readonly Swap[]> {
  const host = tools.host(words.directory.host);
  const { disk, replacement } = tpmPlaces(tools.vmPlace(words.directory.path, words.vmId));
  await tools.run(host, 'clear-tpm', 'Disks/Remove', { target: replacement });
  try {
    await tools.run(host, 'restore-tpm', 'Backups/Restore', {
      ...from,
      diskId: 'tpm',
      target: replacement,
      format: '',
      preallocate: false,
    });
    return [{ name: 'tpm', disk, replacement }];
  } catch (thrown) {
    const { reason, message } = asStorageError(thrown);
    if (reason !== 'not_found') throw thrown;
    tools.log('warn', `the state of the TPM is not restored: ${message}`);
    return [];
  }
}

function tpmPlaces({ datastoreId, path }: Place): Pick<Swap, 'disk' | 'replacement'> {
  const state = `${path}/tpm/tpm2-00.permall`;
  return { disk: { datastoreId, path: state }, replacement: { datastoreId, path: `${state}.backup` } };
}

function replacementOf({ datastoreId, path }: Place, diskId: number): Place {
  return { datastoreId, path: `${path}/disk.${diskId}.backup` };
}

/** `inBackup`: ids of the disks. */
function wantedDisks(words: WordsOf<'tm/restore'>, vm: VmDocument, inBackup: readonly number[], tools: FlowTools): readonly Wanted[] {
  const directory = tools.vmPlace(words.directory.path, words.vmId);
  const ids = inBackup.filter((id) => words.diskId === -1 || id === words.diskId);
  if (ids.length === 0) {
    throw new StorageError('not_found', `backup ${words.imageId} has no disk ${words.diskId}; it has ${inBackup.join(', ') || 'none'}`);
  }
  const wanted = ids.flatMap((id) => {
    const disk = vm.disks.find(({ diskId }) => diskId === id);
    if (disk === undefined) {
      tools.log('warn', `disk ${id} is in the backup, but VM ${vm.id} no longer has it: it is left out`);
      return [];
    }
    mustHaveNoSnapshots(vm, disk);
    const place = { datastoreId: directory.datastoreId, path: `${directory.path}/disk.${id}` };
    return [{ disk, place, replacement: replacementOf(directory, id) }];
  });
  if (wanted.length > 0) return wanted;
  throw new StorageError('not_found', `VM ${vm.id} has none of the disks of backup ${words.imageId}: ${ids.join(', ')}`);
}

/** OpenNebula forgets the snapshots of other disks when a restore ends, but of a persistent one it would go on to offer what is no longer there. */
function mustHaveNoSnapshots(vm: VmDocument, disk: VmDisk): void {
  const snapshots = vm.snapshots.get(disk.diskId) ?? [];
  if (disk.clone || snapshots.length === 0) return;
  const text = `disk ${disk.diskId} of VM ${vm.id} is persistent and has snapshots (${snapshots.join(', ')})`;
  throw new StorageError('conflict', `${text}; delete them first: onevm disk-snapshot-delete ${vm.id} ${disk.diskId} ID`);
}

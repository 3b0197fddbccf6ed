import { StorageError } from '../../runtime/errors.ts';
import { bytes, toMebibytes } from '../../runtime/units.ts';
import { addressHead, directoryOf, parseBackupAddress } from '../backups/address.ts';
import { disksOf, linksUpTo, mustBeWhole, vmDisks } from '../backups/chain.ts';
import { directoryFor, protocolOf, repositoryOf } from '../backups/repository.ts';
import type { Host } from '../hosts/directory.ts';
import { type DatastoreRecord, words as wordList } from '../opennebula/action-data.ts';
import { type BackupActionData, type BackupImage, backupActionData, backupImage } from '../opennebula/backup-data.ts';
import { numberOf, required, textOf, yes } from '../opennebula/pick.ts';
import { readXml } from '../opennebula/xml.ts';
import type { Flow, FlowTools } from './flow.ts';
import { usageText } from './usage-text.ts';

/** What has the repository at hand: a bridge of the backup datastore, else the front-end. */
export function repositoryHost(datastore: DatastoreRecord, tools: FlowTools): Promise<Host> {
  return tools.bridge(wordList(datastore.template.get('BRIDGE_LIST')), 0);
}

/** The backup an action is about, and where it is kept. */
export async function backupOf(data: Pick<BackupActionData, 'datastore' | 'image'>): Promise<{
  readonly image: BackupImage;
  readonly repository: Awaited<ReturnType<typeof repositoryOf>>;
}> {
  const image = backupImage(required(data.image, 'IMAGE'));
  const directory = directoryFor(data.datastore, image.vmId, image.jobId);
  return { image, repository: await repositoryOf(data.datastore, directory) };
}

/** `{"0":"restic://105//0:a590d6ae/var/lib/one/datastores/0/7/backup/disk.0.0"}`, for whoever restores in place (contract 8). */
export const ls: Flow<'ds/ls'> = {
  class: undefined,
  run: async ({ incrementId }, tools) => {
    const data = backupActionData(tools.input());
    const { image, repository } = await backupOf(data);
    const chain = linksUpTo(image, incrementId);
    const listing = await tools.listBackup(await repositoryHost(data.datastore, tools), repository, chain);
    mustBeWhole(image.id, listing);
    const head = headOf(data.datastore, image, chain);
    return JSON.stringify(Object.fromEntries(listing.files.map(({ diskId, path }) => [diskId, `${head}${path}`])));
  },
};

export function headOf(datastore: DatastoreRecord, image: BackupImage, chain: ReturnType<typeof linksUpTo>): string {
  const { jobId, format } = image;
  return addressHead({ protocol: protocolOf(datastore), rbd: format === 'rbd', datastoreId: datastore.id, jobId, chain });
}

/** The size of a disk once restored; nothing of the disk itself is read, so the time does not grow with it. */
export async function statBackup(tools: FlowTools): Promise<string> {
  const data = backupActionData(tools.input());
  const address = parseBackupAddress(required(textOf(data.image, 'PATH'), 'IMAGE/PATH'));
  if (address.datastoreId !== data.datastore.id) {
    throw new StorageError('bad_argument', `the address is of datastore ${address.datastoreId}, not of ${data.datastore.id}`);
  }
  const repository = await repositoryOf(data.datastore, directoryOf(address));
  const { diskId, chain } = address;
  const host = await repositoryHost(data.datastore, tools);
  const listing = await tools.listBackup(host, repository, chain);
  const disk = disksOf(listing).get(Number(diskId));
  if (disk === undefined) throw new StorageError('not_found', `the backup ${chain.at(-1)?.backupId} has no disk ${diskId}`);
  // Of a stock backup: what OpenNebula says of the disk stands beside it; only without that is the head of the disk itself read.
  const told = async (): Promise<number> =>
    sizeInDocument((await tools.listBackup(host, repository, chain, { withDocument: true })).vmXml, Number(diskId));
  const known = disk.virtualSizeBytes || (await told());
  const found = known || disksOf(await tools.listBackup(host, repository, chain, { diskId })).get(Number(diskId))?.virtualSizeBytes;
  return String(toMebibytes(bytes(required(found, `size of disk ${diskId}`))));
}

/** 0: it does not say. */
function sizeInDocument(vmXml: string, diskId: number): number {
  if (vmXml === '') return 0;
  const disk = vmDisks(readXml(vmXml, 'vm.xml of the backup')).find((one) => numberOf(one, 'DISK_ID') === diskId);
  return (numberOf(disk, 'SIZE') ?? 0) * 1024 ** 2;
}

/** All increments of a backup; what is gone already is a success. */
export async function removeBackup(tools: FlowTools): Promise<string> {
  const data = backupActionData(tools.input());
  // A backup whose upload failed has none.
  if (textOf(data.image, 'SOURCE') === undefined) return '';
  const { image, repository } = await backupOf(data);
  const host = await repositoryHost(data.datastore, tools);
  tools.commit();
  await tools.run(host, 'remove', 'Backups/Remove', { repository, backupIds: image.increments.map(({ source }) => source) });
  return '';
}

/** The space of all repositories of a datastore is one. */
const ANY_DIRECTORY = '0';

/** Space of the repository; what cannot say (S3, REST) has what TOTAL_MB of the datastore says, 1 TiB without it, as stock has it. */
export async function monitorBackup(tools: FlowTools): Promise<string> {
  const { datastore } = backupActionData(tools.input());
  const usage = await tools.backupUsage(await repositoryHost(datastore, tools), await repositoryOf(datastore, ANY_DIRECTORY));
  if (usage.known) return usageText(usage);
  const total = Number(/^[0-9]{1,12}$/.exec(datastore.template.get('TOTAL_MB') ?? '')?.[0] ?? 1024 ** 2) * 1024 ** 2;
  return usageText({ totalBytes: total, usedBytes: usage.usedBytes, freeBytes: Math.max(0, total - usage.usedBytes) });
}

/** Keeps the last KEEP_LAST increments: what is older becomes one full backup (contract 8). */
export const incrementFlatten: Flow<'ds/increment_flatten'> = {
  class: 'backup',
  run: async (_words, tools) => {
    const data = backupActionData(tools.input());
    const keepLast = required(data.keepLast, 'EXTRA_DATA/KEEP_LAST');
    if (keepLast < 1) throw new StorageError('bad_argument', `KEEP_LAST is ${keepLast}; at least one increment must stay`);
    const { image, repository } = await backupOf(data);
    // Nothing to do: OpenNebula changes nothing then.
    if (image.increments.length <= keepLast) return '';
    const increments = [...linksUpTo(image, -1)];
    const host = await repositoryHost(data.datastore, tools);
    const sparsify = yes(data.datastore.template.get(`${protocolOf(data.datastore).toUpperCase()}_SPARSIFY`), false);
    mustBeWhole(image.id, await tools.listBackup(host, repository, increments));
    const request = { repository, vmId: image.vmId, chain: { increments }, keepLast, sparsify };
    const { chain = [], sizeBytes } = await tools.run(host, 'flatten', 'Backups/Flatten', request);
    if (chain.length === 0) throw new StorageError('internal', `flattening backup ${image.id} gave no chain`);
    return `${toMebibytes(bytes(sizeBytes))} ${chain.map(({ id, backupId }) => `${id}:${backupId}`).join(',')}`;
  },
};

import type { CatalogEntry__Output } from '../../proto/gen/onestorage/v1/CatalogEntry.ts';
import { asStorageError } from '../../runtime/errors.ts';
import { bytes, fromMebibytes } from '../../runtime/units.ts';
import { directoryFor, repositoryOf } from '../backups/repository.ts';
import { type DatastoreRecord, datastoreRecord, words } from '../opennebula/action-data.ts';
import { type BackupImage, backupImage, type IncrementRecord } from '../opennebula/backup-data.ts';
import type { Overview } from '../opennebula/overview.ts';
import { numberOf, required, textOf } from '../opennebula/pick.ts';
import type { XmlElement } from '../opennebula/xml.ts';
import { type ActionServices, chooseBridge } from '../operations/tools.ts';
import { askHost, type Unanswered } from './ask-hosts.ts';

export interface IncrementLook {
  readonly id: number;
  /** As the repository calls it. */
  readonly backupId: string;
  readonly full: boolean;
  readonly createdUnixMs: number | undefined;
  readonly sizeBytes: number;
  /** Does the repository have it, alone or merged? undefined: nobody could look. */
  readonly present: boolean | undefined;
  /** What it was merged into. */
  readonly mergedInto: string | undefined;
  /** Disks with data in it: `0`, `tpm`. Empty when nobody could look. */
  readonly disks: readonly string[];
}

/** A backup image of OpenNebula, and what its repository has of it. */
export interface BackupLook {
  readonly id: number;
  readonly name: string;
  /** undefined: OpenNebula does not say, because nothing was ever stored. */
  readonly vmId: number | undefined;
  readonly jobId: number | undefined;
  readonly datastoreId: number;
  readonly mode: 'full' | 'increment';
  readonly newestUnixMs: number | undefined;
  readonly sizeBytes: number;
  /** unknown: see `failure`. */
  readonly state: 'whole' | 'missing' | 'unknown';
  readonly increments: readonly IncrementLook[];
  readonly failure: Unanswered | undefined;
}

export interface BackupFilter {
  readonly vmId: number | undefined;
  readonly datastoreId: number | undefined;
}

type OneServices = Pick<ActionServices, 'agents' | 'hosts' | 'openNebula'>;
export interface BackupServices extends OneServices {
  readonly overview: Pick<Overview, 'backupImages'>;
}

/** A repository far away may take seconds to open; who asks waits 45 s for all. */
const LOOK_MS = 30_000;
const AT_ONCE = 8;

type Catalog = { readonly entries: readonly CatalogEntry__Output[] } | { readonly failure: Unanswered };

/** Every repository is asked once, for all its backups, several at a time. Throws opennebula_unavailable. */
export async function lookAtBackups(filter: BackupFilter, services: BackupServices, signal: AbortSignal): Promise<readonly BackupLook[]> {
  const until = performance.now() + LOOK_MS;
  const known = (await services.overview.backupImages(signal)).map(readImage).filter((one) => fits(one, filter));
  const images = known.flatMap(({ image }) => image ?? []);
  const datastores = new Map<number, Promise<DatastoreRecord>>();
  for (const id of new Set(images.map(({ datastoreId }) => datastoreId))) datastores.set(id, readDatastore(id, services, signal));
  // Each is waited for below; one that fails meanwhile is no unhandled rejection.
  await Promise.allSettled(datastores.values());
  const repositories = [...Map.groupBy(images, ({ datastoreId, vmId, jobId }) => `${datastoreId} ${vmId} ${jobId ?? ''}`).values()];
  const catalogs = new Map<number, Catalog>();
  const work = repositories.values();
  const worker = async (): Promise<void> => {
    for (const [first, ...others] of work) {
      if (first === undefined) continue;
      const datastore = datastores.get(first.datastoreId) ?? readDatastore(first.datastoreId, services, signal);
      const found = await catalogOf(first, datastore, services, until, signal);
      for (const { id } of [first, ...others]) catalogs.set(id, found);
    }
  };
  await Promise.all(Array.from({ length: AT_ONCE }, worker));
  return known
    .map(({ look, image }) => (image === undefined ? look : joined(look, image, catalogs.get(image.id))))
    .sort((a, b) => a.id - b.id);
}

/** Throws not_found, bad_argument for an image that is no backup. */
export async function lookAtBackup(imageId: number, services: OneServices, signal: AbortSignal): Promise<BackupLook> {
  const element = await services.openNebula.image(imageId, signal);
  const { look } = readImage(element);
  if (look.failure?.reason === 'bad_document') return look;
  const image = backupImage(element);
  const datastore = readDatastore(image.datastoreId, services, signal);
  return joined(look, image, await catalogOf(image, datastore, services, performance.now() + LOOK_MS, signal));
}

async function readDatastore(id: number, { openNebula }: OneServices, signal: AbortSignal): Promise<DatastoreRecord> {
  return datastoreRecord(await openNebula.datastore(id, signal));
}

interface Known {
  readonly look: BackupLook;
  readonly image: BackupImage | undefined;
}

/** One that was never stored has no SOURCE, and stays in the list. */
function readImage(element: XmlElement): Known {
  const common = {
    id: required(numberOf(element, 'ID'), 'IMAGE/ID'),
    name: textOf(element, 'NAME') ?? '',
    datastoreId: required(numberOf(element, 'DATASTORE_ID'), 'IMAGE/DATASTORE_ID'),
  };
  try {
    const image = backupImage(element);
    const increments = image.increments.map((one) => incrementLook(one, undefined));
    const look = {
      ...({ ...common, vmId: image.vmId, jobId: image.jobId, mode: image.incremental ? 'increment' : 'full' } as const),
      newestUnixMs: increments.at(-1)?.createdUnixMs,
      sizeBytes: bytesOf(increments),
      ...({ state: 'unknown', increments, failure: undefined } as const),
    };
    return { look, image };
  } catch (thrown) {
    const { reason, message } = asStorageError(thrown);
    const nothing = { vmId: undefined, jobId: undefined, mode: 'full', newestUnixMs: undefined, sizeBytes: 0, increments: [] } as const;
    const text = textOf(element, 'SOURCE') === undefined ? 'nothing was stored in it' : message;
    return { look: { ...common, ...nothing, state: 'unknown', failure: { reason, message: text } }, image: undefined };
  }
}

function fits({ look }: Known, { vmId, datastoreId }: BackupFilter): boolean {
  return (vmId === undefined || look.vmId === vmId) && (datastoreId === undefined || look.datastoreId === datastoreId);
}

async function catalogOf(
  { vmId, jobId }: BackupImage,
  datastore: Promise<DatastoreRecord>,
  services: OneServices,
  until: number,
  signal: AbortSignal,
): Promise<Catalog> {
  const left = Math.round(until - performance.now());
  if (left <= 0) return { failure: { reason: 'timeout', message: 'not looked at in 30 s; ask for fewer with --vm or --datastore' } };
  try {
    const record = await datastore;
    const repository = await repositoryOf(record, directoryFor(record, vmId, jobId));
    const host = await chooseBridge(words(record.template.get('BRIDGE_LIST')), 0, services, { signal, log: () => undefined });
    const { value, failure } = await askHost(host, (one, each) => services.agents.backupCatalog(one, { repository }, each), signal, left);
    return value === undefined ? { failure } : { entries: value.entries };
  } catch (thrown) {
    signal.throwIfAborted();
    const { reason, message } = asStorageError(thrown);
    return { failure: { reason, message } };
  }
}

function joined(look: BackupLook, { increments }: BackupImage, catalog: Catalog | undefined): BackupLook {
  if (catalog === undefined) return look;
  if ('failure' in catalog) return { ...look, failure: catalog.failure };
  const found = increments.map((one) => incrementLook(one, catalog.entries));
  return { ...look, sizeBytes: bytesOf(found), increments: found, state: found.every(({ present }) => present) ? 'whole' : 'missing' };
}

/** An image may have the whole id of a restic snapshot; agents have the short one. */
const SHORT = 8;

function incrementLook(
  { id, source, full, sizeMb, date }: IncrementRecord,
  entries: readonly CatalogEntry__Output[] | undefined,
): IncrementLook {
  const short = source.slice(0, SHORT);
  const own = entries?.find(({ backupId }) => backupId === short);
  const into = own === undefined ? entries?.findLast(({ merged }) => merged.includes(short)) : undefined;
  const entry = own ?? into;
  return {
    id,
    backupId: source,
    full,
    createdUnixMs: date === undefined ? (entry?.createdUnixMs ?? undefined) : date * 1000,
    // As OpenNebula counts it against quotas, in MiB; what was merged is no longer there by itself.
    sizeBytes: bytes(own?.sizeBytes || (sizeMb === undefined ? 0 : fromMebibytes(sizeMb))),
    present: entries === undefined ? undefined : entry !== undefined,
    mergedInto: into?.backupId,
    disks: [...new Set(entry?.files.flatMap((name) => /^disk\.(\d+|tpm)\./u.exec(name)?.[1] ?? []))].sort(byNumber),
  };
}

/** A directory is listed in no order. `tpm` comes last. */
function byNumber(a: string, b: string): number {
  return a.localeCompare(b, 'en', { numeric: true });
}

function bytesOf(increments: readonly IncrementLook[]): number {
  return increments.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0);
}

import { join } from 'node:path';
import { type ChannelCredentials, type ClientOptions, loadPackageDefinition, logVerbosity, setLogVerbosity } from '@grpc/grpc-js';
import { loadSync, type PackageDefinition } from '@grpc/proto-loader';
import type { ProtoGrpcType as BackupProto } from '../proto/gen/backup.ts';
import type { ProtoGrpcType as DiskProto } from '../proto/gen/disk.ts';
import type { ProtoGrpcType as HostProto } from '../proto/gen/host.ts';
import type { ProtoGrpcType as IdentityProto } from '../proto/gen/identity.ts';
import type { ProtoGrpcType as ImageProto } from '../proto/gen/image.ts';
import type { ProtoGrpcType as InspectionProto } from '../proto/gen/inspection.ts';
import type { ProtoGrpcType as LiveProto } from '../proto/gen/live.ts';
import type { BackupsClient, BackupsHandlers } from '../proto/gen/onestorage/v1/Backups.ts';
import type { DisksClient, DisksHandlers } from '../proto/gen/onestorage/v1/Disks.ts';
import type { GuestsClient, GuestsHandlers } from '../proto/gen/onestorage/v1/Guests.ts';
import type { HostsClient, HostsHandlers } from '../proto/gen/onestorage/v1/Hosts.ts';
import type { IdentitiesClient, IdentitiesHandlers } from '../proto/gen/onestorage/v1/Identities.ts';
import type { ImagesClient, ImagesHandlers } from '../proto/gen/onestorage/v1/Images.ts';
import type { InspectionsClient, InspectionsHandlers } from '../proto/gen/onestorage/v1/Inspections.ts';
import type { OperationsClient, OperationsHandlers } from '../proto/gen/onestorage/v1/Operations.ts';
import type { SnapshotsClient, SnapshotsHandlers } from '../proto/gen/onestorage/v1/Snapshots.ts';
import type { StagingClient, StagingHandlers } from '../proto/gen/onestorage/v1/Staging.ts';
import type { TransfersClient, TransfersHandlers } from '../proto/gen/onestorage/v1/Transfers.ts';
import type { ProtoGrpcType as OperationProto } from '../proto/gen/operation.ts';
import type { ProtoGrpcType as SnapshotProto } from '../proto/gen/snapshot.ts';
import type { ProtoGrpcType as StagingProto } from '../proto/gen/staging.ts';
import type { ProtoGrpcType as TransferProto } from '../proto/gen/transfer.ts';

// Its own log goes to standard error as plain text; everything it says there also comes as an error to whoever called.
if (process.env['GRPC_VERBOSITY'] === undefined) setLogVerbosity(logVerbosity.NONE);

/** What each file of proto/onestorage/v1 defines. */
interface ProtoFiles {
  readonly backup: BackupProto;
  readonly disk: DiskProto;
  readonly host: HostProto;
  readonly identity: IdentityProto;
  readonly image: ImageProto;
  readonly inspection: InspectionProto;
  readonly live: LiveProto;
  readonly operation: OperationProto;
  readonly snapshot: SnapshotProto;
  readonly staging: StagingProto;
  readonly transfer: TransferProto;
}

/** The files that are loaded: inside the packaged program there is no directory to list. */
export const PROTO_NAMES = [
  'backup',
  'disk',
  'host',
  'identity',
  'image',
  'inspection',
  'live',
  'operation',
  'snapshot',
  'staging',
  'transfer',
] as const satisfies readonly (keyof ProtoFiles)[];

const directory = join(import.meta.dirname, '..', 'proto');

/** Everything below proto/onestorage/v1, for reflection. 64-bit numbers are JavaScript numbers: no size or time here passes 2^53. */
export const packageDefinition: PackageDefinition = loadSync(
  PROTO_NAMES.map((name) => `onestorage/v1/${name}.proto`),
  { includeDirs: [directory], longs: Number, enums: String, defaults: true, oneofs: true, keepCase: false, bytes: Buffer },
);

/** The health service as reflection describes it; gRPC's own library serves it. */
export const healthDefinition: PackageDefinition = loadSync('grpc/health/v1/health.proto', { includeDirs: [directory] });

type All<T> = (T extends unknown ? (one: T) => void : never) extends (all: infer Together) => void ? Together : never;
/** Of the files that are loaded alone: a service of one that was forgotten is then an error of the compiler. */
type Loaded = All<ProtoFiles[(typeof PROTO_NAMES)[number]]>;
const { v1 } = (loadPackageDefinition(packageDefinition) as unknown as Loaded).onestorage;

export interface Clients {
  readonly Operations: OperationsClient;
  readonly Staging: StagingClient;
  readonly Guests: GuestsClient;
  readonly Hosts: HostsClient;
  readonly Backups: BackupsClient;
  readonly Identities: IdentitiesClient;
  readonly Images: ImagesClient;
  readonly Disks: DisksClient;
  readonly Inspections: InspectionsClient;
  readonly Snapshots: SnapshotsClient;
  readonly Transfers: TransfersClient;
}
export type ServiceName = keyof Clients;

/** The generated handler types, from which runtime/service.ts derives its own. */
export interface GeneratedHandlers {
  readonly Operations: OperationsHandlers;
  readonly Staging: StagingHandlers;
  readonly Guests: GuestsHandlers;
  readonly Hosts: HostsHandlers;
  readonly Backups: BackupsHandlers;
  readonly Identities: IdentitiesHandlers;
  readonly Images: ImagesHandlers;
  readonly Disks: DisksHandlers;
  readonly Inspections: InspectionsHandlers;
  readonly Snapshots: SnapshotsHandlers;
  readonly Transfers: TransfersHandlers;
}

/** Client classes by service name. Only runtime/channel.ts makes clients. */
export const clients: {
  readonly [S in ServiceName]: new (
    address: string,
    credentials: ChannelCredentials,
    options?: ClientOptions,
  ) => Clients[S];
} = {
  Operations: v1.Operations,
  Staging: v1.Staging,
  Guests: v1.Guests,
  Hosts: v1.Hosts,
  Backups: v1.Backups,
  Identities: v1.Identities,
  Images: v1.Images,
  Disks: v1.Disks,
  Inspections: v1.Inspections,
  Snapshots: v1.Snapshots,
  Transfers: v1.Transfers,
};

/** Service definitions by service name: paths, streaming, serializers. */
export const services = {
  Operations: v1.Operations.service,
  Staging: v1.Staging.service,
  Guests: v1.Guests.service,
  Hosts: v1.Hosts.service,
  Backups: v1.Backups.service,
  Identities: v1.Identities.service,
  Images: v1.Images.service,
  Disks: v1.Disks.service,
  Inspections: v1.Inspections.service,
  Snapshots: v1.Snapshots.service,
  Transfers: v1.Transfers.service,
} as const;

export const serviceNames = Object.keys(services) as readonly ServiceName[];

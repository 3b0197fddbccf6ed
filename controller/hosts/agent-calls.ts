import type { BackupUsageRequest } from '../../proto/gen/onestorage/v1/BackupUsageRequest.ts';
import type { BackupUsageResponse__Output } from '../../proto/gen/onestorage/v1/BackupUsageResponse.ts';
import type { BootBackupRequest } from '../../proto/gen/onestorage/v1/BootBackupRequest.ts';
import type { CatalogRequest } from '../../proto/gen/onestorage/v1/CatalogRequest.ts';
import type { CatalogResponse__Output } from '../../proto/gen/onestorage/v1/CatalogResponse.ts';
import type { CopyGuestDiskRequest } from '../../proto/gen/onestorage/v1/CopyGuestDiskRequest.ts';
import type { CopyImageRequest } from '../../proto/gen/onestorage/v1/CopyImageRequest.ts';
import type { CreateContextRequest } from '../../proto/gen/onestorage/v1/CreateContextRequest.ts';
import type { CreateDiskRequest } from '../../proto/gen/onestorage/v1/CreateDiskRequest.ts';
import type { CreateImageRequest } from '../../proto/gen/onestorage/v1/CreateImageRequest.ts';
import type { DescribeImageRequest } from '../../proto/gen/onestorage/v1/DescribeImageRequest.ts';
import type { DiscardRequest } from '../../proto/gen/onestorage/v1/DiscardRequest.ts';
import type { Finding__Output } from '../../proto/gen/onestorage/v1/Finding.ts';
import type { FlattenBackupRequest } from '../../proto/gen/onestorage/v1/FlattenBackupRequest.ts';
import type { GuestDirectoryRequest } from '../../proto/gen/onestorage/v1/GuestDirectoryRequest.ts';
import type { GuestSnapshotRequest } from '../../proto/gen/onestorage/v1/GuestSnapshotRequest.ts';
import type { ImportImageRequest } from '../../proto/gen/onestorage/v1/ImportImageRequest.ts';
import type { InspectRequest } from '../../proto/gen/onestorage/v1/InspectRequest.ts';
import type { ListBackupRequest } from '../../proto/gen/onestorage/v1/ListBackupRequest.ts';
import type { ListBackupResponse__Output } from '../../proto/gen/onestorage/v1/ListBackupResponse.ts';
import type { OpenExportRequest } from '../../proto/gen/onestorage/v1/OpenExportRequest.ts';
import type { OperationEvent__Output } from '../../proto/gen/onestorage/v1/OperationEvent.ts';
import type { QuarantineRequest } from '../../proto/gen/onestorage/v1/QuarantineRequest.ts';
import type { ReceiveRequest } from '../../proto/gen/onestorage/v1/ReceiveRequest.ts';
import type { RemoveBackupRequest } from '../../proto/gen/onestorage/v1/RemoveBackupRequest.ts';
import type { RemoveDiskRequest } from '../../proto/gen/onestorage/v1/RemoveDiskRequest.ts';
import type { RemoveImageRequest } from '../../proto/gen/onestorage/v1/RemoveImageRequest.ts';
import type { ResizeDiskRequest } from '../../proto/gen/onestorage/v1/ResizeDiskRequest.ts';
import type { RestoreBackupRequest } from '../../proto/gen/onestorage/v1/RestoreBackupRequest.ts';
import type { SnapshotRequest } from '../../proto/gen/onestorage/v1/SnapshotRequest.ts';
import type { StageRequest } from '../../proto/gen/onestorage/v1/StageRequest.ts';
import type { StatOriginRequest } from '../../proto/gen/onestorage/v1/StatOriginRequest.ts';
import type { StoreBackupRequest } from '../../proto/gen/onestorage/v1/StoreBackupRequest.ts';
import type { SwapDisksRequest } from '../../proto/gen/onestorage/v1/SwapDisksRequest.ts';
import type { Ticket } from '../../proto/gen/onestorage/v1/Ticket.ts';
import type { UnlockRepositoryRequest } from '../../proto/gen/onestorage/v1/UnlockRepositoryRequest.ts';
import type { UsageResponse__Output } from '../../proto/gen/onestorage/v1/UsageResponse.ts';
import type { VerifyBackupRequest } from '../../proto/gen/onestorage/v1/VerifyBackupRequest.ts';
import type { VmSizes } from '../../runtime/monitord/template.ts';
import type { Host } from './directory.ts';
import type { AgentProgram } from './too-old.ts';

/** The operations of an agent by method. Each is start and attach at once. */
export interface AgentRequests {
  'Disks/Create': CreateDiskRequest;
  'Disks/Resize': ResizeDiskRequest;
  'Disks/Remove': RemoveDiskRequest;
  'Disks/CreateContext': CreateContextRequest;
  'Images/Import': ImportImageRequest;
  'Images/Create': CreateImageRequest;
  'Images/Copy': CopyImageRequest;
  'Images/Remove': RemoveImageRequest;
  'Images/Describe': DescribeImageRequest;
  'Snapshots/Create': SnapshotRequest;
  'Snapshots/Revert': SnapshotRequest;
  'Snapshots/Delete': SnapshotRequest;
  'Snapshots/Flatten': SnapshotRequest;
  'Guests/CreateSnapshot': GuestSnapshotRequest;
  'Guests/DeleteSnapshot': GuestSnapshotRequest;
  'Guests/CopyDisk': CopyGuestDiskRequest;
  'Guests/PrepareMigration': GuestDirectoryRequest;
  'Guests/ConfirmMigration': GuestDirectoryRequest;
  'Guests/FinishMigration': GuestDirectoryRequest;
  'Guests/AbandonMigration': GuestDirectoryRequest;
  'Staging/Stage': StageRequest;
  'Staging/Discard': DiscardRequest;
  'Inspections/Quarantine': QuarantineRequest;
  'Transfers/Receive': ReceiveRequest;
  'Backups/Store': StoreBackupRequest;
  'Backups/Remove': RemoveBackupRequest;
  'Backups/Flatten': FlattenBackupRequest;
  'Backups/Restore': RestoreBackupRequest;
  'Backups/Swap': SwapDisksRequest;
  'Backups/Verify': VerifyBackupRequest;
  'Backups/Boot': BootBackupRequest;
  'Backups/Unlock': UnlockRepositoryRequest;
}
export type AgentMethod = keyof AgentRequests;

/** Everything the controller asks of agents. Every call throws a StorageError that names the host. */
export interface AgentCalls {
  /** The machine id of the host: its identity, whatever it is called. Kept for a minute. */
  machineId(host: Host, signal: AbortSignal): Promise<string>;
  /** Which program the host runs. Kept for a minute, unless it understands less than this one. */
  program(host: Host, signal: AbortSignal): Promise<AgentProgram>;
  /** Throws too_old when the host is known not to understand it. */
  start<M extends AgentMethod>(
    host: Host,
    method: M,
    request: AgentRequests[M],
    signal: AbortSignal,
  ): AsyncIterable<OperationEvent__Output>;
  watch(host: Host, operationId: string, signal: AbortSignal): AsyncIterable<OperationEvent__Output>;
  /** false: it had ended, or can no longer be taken back. */
  cancel(host: Host, operationId: string, reason: string, signal: AbortSignal): Promise<boolean>;
  /** Ids of what is under way. */
  running(host: Host, signal: AbortSignal): Promise<readonly string[]>;
  /** Makes the datastore's directory when it is told to. Throws not_found. */
  usage(host: Host, datastoreId: number, options: { readonly create: boolean }, signal: AbortSignal): Promise<UsageResponse__Output>;
  /** What the disks in a system datastore take, by machine. Throws not_found. */
  diskSizes(host: Host, datastoreId: number, signal: AbortSignal): Promise<readonly VmSizes[]>;
  /** Makes the directory and the marker of a system datastore, so that the host tells its space before its first disk. */
  mark(host: Host, datastoreId: number, driver: string, signal: AbortSignal): Promise<void>;
  /** Virtual size in bytes. */
  statOrigin(host: Host, request: StatOriginRequest, signal: AbortSignal): Promise<number>;
  /** What does not fit in a datastore of the host. */
  inspect(host: Host, request: InspectRequest, signal: AbortSignal): AsyncIterable<Finding__Output>;
  openExport(host: Host, request: OpenExportRequest, signal: AbortSignal): Promise<Ticket>;
  /** What a chain of backups holds, and which of its links the repository still has. */
  listBackup(host: Host, request: ListBackupRequest, signal: AbortSignal): Promise<ListBackupResponse__Output>;
  backupUsage(host: Host, request: BackupUsageRequest, signal: AbortSignal): Promise<BackupUsageResponse__Output>;
  backupCatalog(host: Host, request: CatalogRequest, signal: AbortSignal): Promise<CatalogResponse__Output>;
}

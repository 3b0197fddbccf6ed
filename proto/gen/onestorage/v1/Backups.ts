// Original file: onestorage/v1/backup.proto

import type * as grpc from '@grpc/grpc-js'
import type { MethodDefinition } from '@grpc/proto-loader'
import type { BackupUsageRequest as _onestorage_v1_BackupUsageRequest, BackupUsageRequest__Output as _onestorage_v1_BackupUsageRequest__Output } from '../../onestorage/v1/BackupUsageRequest.ts';
import type { BackupUsageResponse as _onestorage_v1_BackupUsageResponse, BackupUsageResponse__Output as _onestorage_v1_BackupUsageResponse__Output } from '../../onestorage/v1/BackupUsageResponse.ts';
import type { BootBackupRequest as _onestorage_v1_BootBackupRequest, BootBackupRequest__Output as _onestorage_v1_BootBackupRequest__Output } from '../../onestorage/v1/BootBackupRequest.ts';
import type { CatalogRequest as _onestorage_v1_CatalogRequest, CatalogRequest__Output as _onestorage_v1_CatalogRequest__Output } from '../../onestorage/v1/CatalogRequest.ts';
import type { CatalogResponse as _onestorage_v1_CatalogResponse, CatalogResponse__Output as _onestorage_v1_CatalogResponse__Output } from '../../onestorage/v1/CatalogResponse.ts';
import type { FlattenBackupRequest as _onestorage_v1_FlattenBackupRequest, FlattenBackupRequest__Output as _onestorage_v1_FlattenBackupRequest__Output } from '../../onestorage/v1/FlattenBackupRequest.ts';
import type { ListBackupRequest as _onestorage_v1_ListBackupRequest, ListBackupRequest__Output as _onestorage_v1_ListBackupRequest__Output } from '../../onestorage/v1/ListBackupRequest.ts';
import type { ListBackupResponse as _onestorage_v1_ListBackupResponse, ListBackupResponse__Output as _onestorage_v1_ListBackupResponse__Output } from '../../onestorage/v1/ListBackupResponse.ts';
import type { OperationEvent as _onestorage_v1_OperationEvent, OperationEvent__Output as _onestorage_v1_OperationEvent__Output } from '../../onestorage/v1/OperationEvent.ts';
import type { ProbeRepositoryRequest as _onestorage_v1_ProbeRepositoryRequest, ProbeRepositoryRequest__Output as _onestorage_v1_ProbeRepositoryRequest__Output } from '../../onestorage/v1/ProbeRepositoryRequest.ts';
import type { ProbeRepositoryResponse as _onestorage_v1_ProbeRepositoryResponse, ProbeRepositoryResponse__Output as _onestorage_v1_ProbeRepositoryResponse__Output } from '../../onestorage/v1/ProbeRepositoryResponse.ts';
import type { RemoveBackupRequest as _onestorage_v1_RemoveBackupRequest, RemoveBackupRequest__Output as _onestorage_v1_RemoveBackupRequest__Output } from '../../onestorage/v1/RemoveBackupRequest.ts';
import type { RestoreBackupRequest as _onestorage_v1_RestoreBackupRequest, RestoreBackupRequest__Output as _onestorage_v1_RestoreBackupRequest__Output } from '../../onestorage/v1/RestoreBackupRequest.ts';
import type { StoreBackupRequest as _onestorage_v1_StoreBackupRequest, StoreBackupRequest__Output as _onestorage_v1_StoreBackupRequest__Output } from '../../onestorage/v1/StoreBackupRequest.ts';
import type { SwapDisksRequest as _onestorage_v1_SwapDisksRequest, SwapDisksRequest__Output as _onestorage_v1_SwapDisksRequest__Output } from '../../onestorage/v1/SwapDisksRequest.ts';
import type { UnlockRepositoryRequest as _onestorage_v1_UnlockRepositoryRequest, UnlockRepositoryRequest__Output as _onestorage_v1_UnlockRepositoryRequest__Output } from '../../onestorage/v1/UnlockRepositoryRequest.ts';
import type { VerifyBackupRequest as _onestorage_v1_VerifyBackupRequest, VerifyBackupRequest__Output as _onestorage_v1_VerifyBackupRequest__Output } from '../../onestorage/v1/VerifyBackupRequest.ts';

/**
 * Backups in a repository: restic, or directories behind rsync. A call acts on the agent that has the data on this side: the
 * VM's host for Store and Restore, any for the rest. An agent keeps passwords no longer than the operation takes.
 */
export interface BackupsClient extends grpc.Client {
  /**
   * Restores disks into the work directory, comparing them with their checksums, and boots an emulated machine of them, without a network, until
   * its guest agent answers or its serial console asks for a login. Nothing of it stays. Result: size_bytes that were read, answered_by.
   */
  Boot(argument: _onestorage_v1_BootBackupRequest, metadata: grpc.Metadata, options?: grpc.CallOptions): grpc.ClientReadableStream<_onestorage_v1_OperationEvent__Output>;
  Boot(argument: _onestorage_v1_BootBackupRequest, options?: grpc.CallOptions): grpc.ClientReadableStream<_onestorage_v1_OperationEvent__Output>;
  /**
   * Restores disks into the work directory, comparing them with their checksums, and boots an emulated machine of them, without a network, until
   * its guest agent answers or its serial console asks for a login. Nothing of it stays. Result: size_bytes that were read, answered_by.
   */
  boot(argument: _onestorage_v1_BootBackupRequest, metadata: grpc.Metadata, options?: grpc.CallOptions): grpc.ClientReadableStream<_onestorage_v1_OperationEvent__Output>;
  boot(argument: _onestorage_v1_BootBackupRequest, options?: grpc.CallOptions): grpc.ClientReadableStream<_onestorage_v1_OperationEvent__Output>;
  
  Catalog(argument: _onestorage_v1_CatalogRequest, metadata: grpc.Metadata, options: grpc.CallOptions, callback: grpc.requestCallback<_onestorage_v1_CatalogResponse__Output>): grpc.ClientUnaryCall;
  Catalog(argument: _onestorage_v1_CatalogRequest, metadata: grpc.Metadata, callback: grpc.requestCallback<_onestorage_v1_CatalogResponse__Output>): grpc.ClientUnaryCall;
  Catalog(argument: _onestorage_v1_CatalogRequest, options: grpc.CallOptions, callback: grpc.requestCallback<_onestorage_v1_CatalogResponse__Output>): grpc.ClientUnaryCall;
  Catalog(argument: _onestorage_v1_CatalogRequest, callback: grpc.requestCallback<_onestorage_v1_CatalogResponse__Output>): grpc.ClientUnaryCall;
  catalog(argument: _onestorage_v1_CatalogRequest, metadata: grpc.Metadata, options: grpc.CallOptions, callback: grpc.requestCallback<_onestorage_v1_CatalogResponse__Output>): grpc.ClientUnaryCall;
  catalog(argument: _onestorage_v1_CatalogRequest, metadata: grpc.Metadata, callback: grpc.requestCallback<_onestorage_v1_CatalogResponse__Output>): grpc.ClientUnaryCall;
  catalog(argument: _onestorage_v1_CatalogRequest, options: grpc.CallOptions, callback: grpc.requestCallback<_onestorage_v1_CatalogResponse__Output>): grpc.ClientUnaryCall;
  catalog(argument: _onestorage_v1_CatalogRequest, callback: grpc.requestCallback<_onestorage_v1_CatalogResponse__Output>): grpc.ClientUnaryCall;
  
  /**
   * Merges all but the last keep_last - 1 increments into one. Result: chain, size_bytes of all of it. Nothing to do: chain as it was.
   */
  Flatten(argument: _onestorage_v1_FlattenBackupRequest, metadata: grpc.Metadata, options?: grpc.CallOptions): grpc.ClientReadableStream<_onestorage_v1_OperationEvent__Output>;
  Flatten(argument: _onestorage_v1_FlattenBackupRequest, options?: grpc.CallOptions): grpc.ClientReadableStream<_onestorage_v1_OperationEvent__Output>;
  /**
   * Merges all but the last keep_last - 1 increments into one. Result: chain, size_bytes of all of it. Nothing to do: chain as it was.
   */
  flatten(argument: _onestorage_v1_FlattenBackupRequest, metadata: grpc.Metadata, options?: grpc.CallOptions): grpc.ClientReadableStream<_onestorage_v1_OperationEvent__Output>;
  flatten(argument: _onestorage_v1_FlattenBackupRequest, options?: grpc.CallOptions): grpc.ClientReadableStream<_onestorage_v1_OperationEvent__Output>;
  
  /**
   * What a chain holds. not_found names the increments that the repository lacks when the last one is among them.
   */
  List(argument: _onestorage_v1_ListBackupRequest, metadata: grpc.Metadata, options: grpc.CallOptions, callback: grpc.requestCallback<_onestorage_v1_ListBackupResponse__Output>): grpc.ClientUnaryCall;
  List(argument: _onestorage_v1_ListBackupRequest, metadata: grpc.Metadata, callback: grpc.requestCallback<_onestorage_v1_ListBackupResponse__Output>): grpc.ClientUnaryCall;
  List(argument: _onestorage_v1_ListBackupRequest, options: grpc.CallOptions, callback: grpc.requestCallback<_onestorage_v1_ListBackupResponse__Output>): grpc.ClientUnaryCall;
  List(argument: _onestorage_v1_ListBackupRequest, callback: grpc.requestCallback<_onestorage_v1_ListBackupResponse__Output>): grpc.ClientUnaryCall;
  /**
   * What a chain holds. not_found names the increments that the repository lacks when the last one is among them.
   */
  list(argument: _onestorage_v1_ListBackupRequest, metadata: grpc.Metadata, options: grpc.CallOptions, callback: grpc.requestCallback<_onestorage_v1_ListBackupResponse__Output>): grpc.ClientUnaryCall;
  list(argument: _onestorage_v1_ListBackupRequest, metadata: grpc.Metadata, callback: grpc.requestCallback<_onestorage_v1_ListBackupResponse__Output>): grpc.ClientUnaryCall;
  list(argument: _onestorage_v1_ListBackupRequest, options: grpc.CallOptions, callback: grpc.requestCallback<_onestorage_v1_ListBackupResponse__Output>): grpc.ClientUnaryCall;
  list(argument: _onestorage_v1_ListBackupRequest, callback: grpc.requestCallback<_onestorage_v1_ListBackupResponse__Output>): grpc.ClientUnaryCall;
  
  /**
   * Can it be reached, and read with this password? Changes nothing.
   */
  Probe(argument: _onestorage_v1_ProbeRepositoryRequest, metadata: grpc.Metadata, options: grpc.CallOptions, callback: grpc.requestCallback<_onestorage_v1_ProbeRepositoryResponse__Output>): grpc.ClientUnaryCall;
  Probe(argument: _onestorage_v1_ProbeRepositoryRequest, metadata: grpc.Metadata, callback: grpc.requestCallback<_onestorage_v1_ProbeRepositoryResponse__Output>): grpc.ClientUnaryCall;
  Probe(argument: _onestorage_v1_ProbeRepositoryRequest, options: grpc.CallOptions, callback: grpc.requestCallback<_onestorage_v1_ProbeRepositoryResponse__Output>): grpc.ClientUnaryCall;
  Probe(argument: _onestorage_v1_ProbeRepositoryRequest, callback: grpc.requestCallback<_onestorage_v1_ProbeRepositoryResponse__Output>): grpc.ClientUnaryCall;
  /**
   * Can it be reached, and read with this password? Changes nothing.
   */
  probe(argument: _onestorage_v1_ProbeRepositoryRequest, metadata: grpc.Metadata, options: grpc.CallOptions, callback: grpc.requestCallback<_onestorage_v1_ProbeRepositoryResponse__Output>): grpc.ClientUnaryCall;
  probe(argument: _onestorage_v1_ProbeRepositoryRequest, metadata: grpc.Metadata, callback: grpc.requestCallback<_onestorage_v1_ProbeRepositoryResponse__Output>): grpc.ClientUnaryCall;
  probe(argument: _onestorage_v1_ProbeRepositoryRequest, options: grpc.CallOptions, callback: grpc.requestCallback<_onestorage_v1_ProbeRepositoryResponse__Output>): grpc.ClientUnaryCall;
  probe(argument: _onestorage_v1_ProbeRepositoryRequest, callback: grpc.requestCallback<_onestorage_v1_ProbeRepositoryResponse__Output>): grpc.ClientUnaryCall;
  
  /**
   * Not there: success. The space is given back.
   */
  Remove(argument: _onestorage_v1_RemoveBackupRequest, metadata: grpc.Metadata, options?: grpc.CallOptions): grpc.ClientReadableStream<_onestorage_v1_OperationEvent__Output>;
  Remove(argument: _onestorage_v1_RemoveBackupRequest, options?: grpc.CallOptions): grpc.ClientReadableStream<_onestorage_v1_OperationEvent__Output>;
  /**
   * Not there: success. The space is given back.
   */
  remove(argument: _onestorage_v1_RemoveBackupRequest, metadata: grpc.Metadata, options?: grpc.CallOptions): grpc.ClientReadableStream<_onestorage_v1_OperationEvent__Output>;
  remove(argument: _onestorage_v1_RemoveBackupRequest, options?: grpc.CallOptions): grpc.ClientReadableStream<_onestorage_v1_OperationEvent__Output>;
  
  /**
   * One disk of one increment, merged and checked, as a file. Result: format, size_bytes (virtual).
   */
  Restore(argument: _onestorage_v1_RestoreBackupRequest, metadata: grpc.Metadata, options?: grpc.CallOptions): grpc.ClientReadableStream<_onestorage_v1_OperationEvent__Output>;
  Restore(argument: _onestorage_v1_RestoreBackupRequest, options?: grpc.CallOptions): grpc.ClientReadableStream<_onestorage_v1_OperationEvent__Output>;
  /**
   * One disk of one increment, merged and checked, as a file. Result: format, size_bytes (virtual).
   */
  restore(argument: _onestorage_v1_RestoreBackupRequest, metadata: grpc.Metadata, options?: grpc.CallOptions): grpc.ClientReadableStream<_onestorage_v1_OperationEvent__Output>;
  restore(argument: _onestorage_v1_RestoreBackupRequest, options?: grpc.CallOptions): grpc.ClientReadableStream<_onestorage_v1_OperationEvent__Output>;
  
  /**
   * Sends a staged directory to the repository, which is made when it does not exist. Result: backup_id, size_bytes.
   */
  Store(argument: _onestorage_v1_StoreBackupRequest, metadata: grpc.Metadata, options?: grpc.CallOptions): grpc.ClientReadableStream<_onestorage_v1_OperationEvent__Output>;
  Store(argument: _onestorage_v1_StoreBackupRequest, options?: grpc.CallOptions): grpc.ClientReadableStream<_onestorage_v1_OperationEvent__Output>;
  /**
   * Sends a staged directory to the repository, which is made when it does not exist. Result: backup_id, size_bytes.
   */
  store(argument: _onestorage_v1_StoreBackupRequest, metadata: grpc.Metadata, options?: grpc.CallOptions): grpc.ClientReadableStream<_onestorage_v1_OperationEvent__Output>;
  store(argument: _onestorage_v1_StoreBackupRequest, options?: grpc.CallOptions): grpc.ClientReadableStream<_onestorage_v1_OperationEvent__Output>;
  
  /**
   * Puts restored files in the place of the disks of a VM that is off, all or none; the old disks, with their snapshots, are removed last.
   */
  Swap(argument: _onestorage_v1_SwapDisksRequest, metadata: grpc.Metadata, options?: grpc.CallOptions): grpc.ClientReadableStream<_onestorage_v1_OperationEvent__Output>;
  Swap(argument: _onestorage_v1_SwapDisksRequest, options?: grpc.CallOptions): grpc.ClientReadableStream<_onestorage_v1_OperationEvent__Output>;
  /**
   * Puts restored files in the place of the disks of a VM that is off, all or none; the old disks, with their snapshots, are removed last.
   */
  swap(argument: _onestorage_v1_SwapDisksRequest, metadata: grpc.Metadata, options?: grpc.CallOptions): grpc.ClientReadableStream<_onestorage_v1_OperationEvent__Output>;
  swap(argument: _onestorage_v1_SwapDisksRequest, options?: grpc.CallOptions): grpc.ClientReadableStream<_onestorage_v1_OperationEvent__Output>;
  
  /**
   * Removes locks of processes that are dead.
   */
  Unlock(argument: _onestorage_v1_UnlockRepositoryRequest, metadata: grpc.Metadata, options?: grpc.CallOptions): grpc.ClientReadableStream<_onestorage_v1_OperationEvent__Output>;
  Unlock(argument: _onestorage_v1_UnlockRepositoryRequest, options?: grpc.CallOptions): grpc.ClientReadableStream<_onestorage_v1_OperationEvent__Output>;
  /**
   * Removes locks of processes that are dead.
   */
  unlock(argument: _onestorage_v1_UnlockRepositoryRequest, metadata: grpc.Metadata, options?: grpc.CallOptions): grpc.ClientReadableStream<_onestorage_v1_OperationEvent__Output>;
  unlock(argument: _onestorage_v1_UnlockRepositoryRequest, options?: grpc.CallOptions): grpc.ClientReadableStream<_onestorage_v1_OperationEvent__Output>;
  
  Usage(argument: _onestorage_v1_BackupUsageRequest, metadata: grpc.Metadata, options: grpc.CallOptions, callback: grpc.requestCallback<_onestorage_v1_BackupUsageResponse__Output>): grpc.ClientUnaryCall;
  Usage(argument: _onestorage_v1_BackupUsageRequest, metadata: grpc.Metadata, callback: grpc.requestCallback<_onestorage_v1_BackupUsageResponse__Output>): grpc.ClientUnaryCall;
  Usage(argument: _onestorage_v1_BackupUsageRequest, options: grpc.CallOptions, callback: grpc.requestCallback<_onestorage_v1_BackupUsageResponse__Output>): grpc.ClientUnaryCall;
  Usage(argument: _onestorage_v1_BackupUsageRequest, callback: grpc.requestCallback<_onestorage_v1_BackupUsageResponse__Output>): grpc.ClientUnaryCall;
  usage(argument: _onestorage_v1_BackupUsageRequest, metadata: grpc.Metadata, options: grpc.CallOptions, callback: grpc.requestCallback<_onestorage_v1_BackupUsageResponse__Output>): grpc.ClientUnaryCall;
  usage(argument: _onestorage_v1_BackupUsageRequest, metadata: grpc.Metadata, callback: grpc.requestCallback<_onestorage_v1_BackupUsageResponse__Output>): grpc.ClientUnaryCall;
  usage(argument: _onestorage_v1_BackupUsageRequest, options: grpc.CallOptions, callback: grpc.requestCallback<_onestorage_v1_BackupUsageResponse__Output>): grpc.ClientUnaryCall;
  usage(argument: _onestorage_v1_BackupUsageRequest, callback: grpc.requestCallback<_onestorage_v1_BackupUsageResponse__Output>): grpc.ClientUnaryCall;
  
  /**
   * Reads everything of a chain back and compares it with the checksums of the time of the backup. Result: size_bytes that were read.
   */
  Verify(argument: _onestorage_v1_VerifyBackupRequest, metadata: grpc.Metadata, options?: grpc.CallOptions): grpc.ClientReadableStream<_onestorage_v1_OperationEvent__Output>;
  Verify(argument: _onestorage_v1_VerifyBackupRequest, options?: grpc.CallOptions): grpc.ClientReadableStream<_onestorage_v1_OperationEvent__Output>;
  /**
   * Reads everything of a chain back and compares it with the checksums of the time of the backup. Result: size_bytes that were read.
   */
  verify(argument: _onestorage_v1_VerifyBackupRequest, metadata: grpc.Metadata, options?: grpc.CallOptions): grpc.ClientReadableStream<_onestorage_v1_OperationEvent__Output>;
  verify(argument: _onestorage_v1_VerifyBackupRequest, options?: grpc.CallOptions): grpc.ClientReadableStream<_onestorage_v1_OperationEvent__Output>;
  
}

/**
 * Backups in a repository: restic, or directories behind rsync. A call acts on the agent that has the data on this side: the
 * VM's host for Store and Restore, any for the rest. An agent keeps passwords no longer than the operation takes.
 */
export interface BackupsHandlers extends grpc.UntypedServiceImplementation {
  /**
   * Restores disks into the work directory, comparing them with their checksums, and boots an emulated machine of them, without a network, until
   * its guest agent answers or its serial console asks for a login. Nothing of it stays. Result: size_bytes that were read, answered_by.
   */
  Boot: grpc.handleServerStreamingCall<_onestorage_v1_BootBackupRequest__Output, _onestorage_v1_OperationEvent>;
  
  Catalog: grpc.handleUnaryCall<_onestorage_v1_CatalogRequest__Output, _onestorage_v1_CatalogResponse>;
  
  /**
   * Merges all but the last keep_last - 1 increments into one. Result: chain, size_bytes of all of it. Nothing to do: chain as it was.
   */
  Flatten: grpc.handleServerStreamingCall<_onestorage_v1_FlattenBackupRequest__Output, _onestorage_v1_OperationEvent>;
  
  /**
   * What a chain holds. not_found names the increments that the repository lacks when the last one is among them.
   */
  List: grpc.handleUnaryCall<_onestorage_v1_ListBackupRequest__Output, _onestorage_v1_ListBackupResponse>;
  
  /**
   * Can it be reached, and read with this password? Changes nothing.
   */
  Probe: grpc.handleUnaryCall<_onestorage_v1_ProbeRepositoryRequest__Output, _onestorage_v1_ProbeRepositoryResponse>;
  
  /**
   * Not there: success. The space is given back.
   */
  Remove: grpc.handleServerStreamingCall<_onestorage_v1_RemoveBackupRequest__Output, _onestorage_v1_OperationEvent>;
  
  /**
   * One disk of one increment, merged and checked, as a file. Result: format, size_bytes (virtual).
   */
  Restore: grpc.handleServerStreamingCall<_onestorage_v1_RestoreBackupRequest__Output, _onestorage_v1_OperationEvent>;
  
  /**
   * Sends a staged directory to the repository, which is made when it does not exist. Result: backup_id, size_bytes.
   */
  Store: grpc.handleServerStreamingCall<_onestorage_v1_StoreBackupRequest__Output, _onestorage_v1_OperationEvent>;
  
  /**
   * Puts restored files in the place of the disks of a VM that is off, all or none; the old disks, with their snapshots, are removed last.
   */
  Swap: grpc.handleServerStreamingCall<_onestorage_v1_SwapDisksRequest__Output, _onestorage_v1_OperationEvent>;
  
  /**
   * Removes locks of processes that are dead.
   */
  Unlock: grpc.handleServerStreamingCall<_onestorage_v1_UnlockRepositoryRequest__Output, _onestorage_v1_OperationEvent>;
  
  Usage: grpc.handleUnaryCall<_onestorage_v1_BackupUsageRequest__Output, _onestorage_v1_BackupUsageResponse>;
  
  /**
   * Reads everything of a chain back and compares it with the checksums of the time of the backup. Result: size_bytes that were read.
   */
  Verify: grpc.handleServerStreamingCall<_onestorage_v1_VerifyBackupRequest__Output, _onestorage_v1_OperationEvent>;
  
}

export interface BackupsDefinition extends grpc.ServiceDefinition {
  Boot: MethodDefinition<_onestorage_v1_BootBackupRequest, _onestorage_v1_OperationEvent, _onestorage_v1_BootBackupRequest__Output, _onestorage_v1_OperationEvent__Output>
  Catalog: MethodDefinition<_onestorage_v1_CatalogRequest, _onestorage_v1_CatalogResponse, _onestorage_v1_CatalogRequest__Output, _onestorage_v1_CatalogResponse__Output>
  Flatten: MethodDefinition<_onestorage_v1_FlattenBackupRequest, _onestorage_v1_OperationEvent, _onestorage_v1_FlattenBackupRequest__Output, _onestorage_v1_OperationEvent__Output>
  List: MethodDefinition<_onestorage_v1_ListBackupRequest, _onestorage_v1_ListBackupResponse, _onestorage_v1_ListBackupRequest__Output, _onestorage_v1_ListBackupResponse__Output>
  Probe: MethodDefinition<_onestorage_v1_ProbeRepositoryRequest, _onestorage_v1_ProbeRepositoryResponse, _onestorage_v1_ProbeRepositoryRequest__Output, _onestorage_v1_ProbeRepositoryResponse__Output>
  Remove: MethodDefinition<_onestorage_v1_RemoveBackupRequest, _onestorage_v1_OperationEvent, _onestorage_v1_RemoveBackupRequest__Output, _onestorage_v1_OperationEvent__Output>
  Restore: MethodDefinition<_onestorage_v1_RestoreBackupRequest, _onestorage_v1_OperationEvent, _onestorage_v1_RestoreBackupRequest__Output, _onestorage_v1_OperationEvent__Output>
  Store: MethodDefinition<_onestorage_v1_StoreBackupRequest, _onestorage_v1_OperationEvent, _onestorage_v1_StoreBackupRequest__Output, _onestorage_v1_OperationEvent__Output>
  Swap: MethodDefinition<_onestorage_v1_SwapDisksRequest, _onestorage_v1_OperationEvent, _onestorage_v1_SwapDisksRequest__Output, _onestorage_v1_OperationEvent__Output>
  Unlock: MethodDefinition<_onestorage_v1_UnlockRepositoryRequest, _onestorage_v1_OperationEvent, _onestorage_v1_UnlockRepositoryRequest__Output, _onestorage_v1_OperationEvent__Output>
  Usage: MethodDefinition<_onestorage_v1_BackupUsageRequest, _onestorage_v1_BackupUsageResponse, _onestorage_v1_BackupUsageRequest__Output, _onestorage_v1_BackupUsageResponse__Output>
  Verify: MethodDefinition<_onestorage_v1_VerifyBackupRequest, _onestorage_v1_OperationEvent, _onestorage_v1_VerifyBackupRequest__Output, _onestorage_v1_OperationEvent__Output>
}

// Original file: onestorage/v1/live.proto

import type * as grpc from '@grpc/grpc-js'
import type { MethodDefinition } from '@grpc/proto-loader'
import type { CopyGuestDiskRequest as _onestorage_v1_CopyGuestDiskRequest, CopyGuestDiskRequest__Output as _onestorage_v1_CopyGuestDiskRequest__Output } from '../../onestorage/v1/CopyGuestDiskRequest.ts';
import type { GuestDirectoryRequest as _onestorage_v1_GuestDirectoryRequest, GuestDirectoryRequest__Output as _onestorage_v1_GuestDirectoryRequest__Output } from '../../onestorage/v1/GuestDirectoryRequest.ts';
import type { GuestSnapshotRequest as _onestorage_v1_GuestSnapshotRequest, GuestSnapshotRequest__Output as _onestorage_v1_GuestSnapshotRequest__Output } from '../../onestorage/v1/GuestSnapshotRequest.ts';
import type { OperationEvent as _onestorage_v1_OperationEvent, OperationEvent__Output as _onestorage_v1_OperationEvent__Output } from '../../onestorage/v1/OperationEvent.ts';

/**
 * What is done to disks while a guest uses them.
 */
export interface GuestsClient extends grpc.Client {
  /**
   * On either host: removes what was made for a guest that did not come, gives the disks of one that stayed their names back.
   */
  AbandonMigration(argument: _onestorage_v1_GuestDirectoryRequest, metadata: grpc.Metadata, options?: grpc.CallOptions): grpc.ClientReadableStream<_onestorage_v1_OperationEvent__Output>;
  AbandonMigration(argument: _onestorage_v1_GuestDirectoryRequest, options?: grpc.CallOptions): grpc.ClientReadableStream<_onestorage_v1_OperationEvent__Output>;
  /**
   * On either host: removes what was made for a guest that did not come, gives the disks of one that stayed their names back.
   */
  abandonMigration(argument: _onestorage_v1_GuestDirectoryRequest, metadata: grpc.Metadata, options?: grpc.CallOptions): grpc.ClientReadableStream<_onestorage_v1_OperationEvent__Output>;
  abandonMigration(argument: _onestorage_v1_GuestDirectoryRequest, options?: grpc.CallOptions): grpc.ClientReadableStream<_onestorage_v1_OperationEvent__Output>;
  
  /**
   * On the host it has come to: the domain runs here, from this directory.
   */
  ConfirmMigration(argument: _onestorage_v1_GuestDirectoryRequest, metadata: grpc.Metadata, options?: grpc.CallOptions): grpc.ClientReadableStream<_onestorage_v1_OperationEvent__Output>;
  ConfirmMigration(argument: _onestorage_v1_GuestDirectoryRequest, options?: grpc.CallOptions): grpc.ClientReadableStream<_onestorage_v1_OperationEvent__Output>;
  /**
   * On the host it has come to: the domain runs here, from this directory.
   */
  confirmMigration(argument: _onestorage_v1_GuestDirectoryRequest, metadata: grpc.Metadata, options?: grpc.CallOptions): grpc.ClientReadableStream<_onestorage_v1_OperationEvent__Output>;
  confirmMigration(argument: _onestorage_v1_GuestDirectoryRequest, options?: grpc.CallOptions): grpc.ClientReadableStream<_onestorage_v1_OperationEvent__Output>;
  
  /**
   * What the disk holds at one moment, as one file.
   */
  CopyDisk(argument: _onestorage_v1_CopyGuestDiskRequest, metadata: grpc.Metadata, options?: grpc.CallOptions): grpc.ClientReadableStream<_onestorage_v1_OperationEvent__Output>;
  CopyDisk(argument: _onestorage_v1_CopyGuestDiskRequest, options?: grpc.CallOptions): grpc.ClientReadableStream<_onestorage_v1_OperationEvent__Output>;
  /**
   * What the disk holds at one moment, as one file.
   */
  copyDisk(argument: _onestorage_v1_CopyGuestDiskRequest, metadata: grpc.Metadata, options?: grpc.CallOptions): grpc.ClientReadableStream<_onestorage_v1_OperationEvent__Output>;
  copyDisk(argument: _onestorage_v1_CopyGuestDiskRequest, options?: grpc.CallOptions): grpc.ClientReadableStream<_onestorage_v1_OperationEvent__Output>;
  
  CreateSnapshot(argument: _onestorage_v1_GuestSnapshotRequest, metadata: grpc.Metadata, options?: grpc.CallOptions): grpc.ClientReadableStream<_onestorage_v1_OperationEvent__Output>;
  CreateSnapshot(argument: _onestorage_v1_GuestSnapshotRequest, options?: grpc.CallOptions): grpc.ClientReadableStream<_onestorage_v1_OperationEvent__Output>;
  createSnapshot(argument: _onestorage_v1_GuestSnapshotRequest, metadata: grpc.Metadata, options?: grpc.CallOptions): grpc.ClientReadableStream<_onestorage_v1_OperationEvent__Output>;
  createSnapshot(argument: _onestorage_v1_GuestSnapshotRequest, options?: grpc.CallOptions): grpc.ClientReadableStream<_onestorage_v1_OperationEvent__Output>;
  
  DeleteSnapshot(argument: _onestorage_v1_GuestSnapshotRequest, metadata: grpc.Metadata, options?: grpc.CallOptions): grpc.ClientReadableStream<_onestorage_v1_OperationEvent__Output>;
  DeleteSnapshot(argument: _onestorage_v1_GuestSnapshotRequest, options?: grpc.CallOptions): grpc.ClientReadableStream<_onestorage_v1_OperationEvent__Output>;
  deleteSnapshot(argument: _onestorage_v1_GuestSnapshotRequest, metadata: grpc.Metadata, options?: grpc.CallOptions): grpc.ClientReadableStream<_onestorage_v1_OperationEvent__Output>;
  deleteSnapshot(argument: _onestorage_v1_GuestSnapshotRequest, options?: grpc.CallOptions): grpc.ClientReadableStream<_onestorage_v1_OperationEvent__Output>;
  
  /**
   * On the host it has left: removes the directory when nothing uses it.
   */
  FinishMigration(argument: _onestorage_v1_GuestDirectoryRequest, metadata: grpc.Metadata, options?: grpc.CallOptions): grpc.ClientReadableStream<_onestorage_v1_OperationEvent__Output>;
  FinishMigration(argument: _onestorage_v1_GuestDirectoryRequest, options?: grpc.CallOptions): grpc.ClientReadableStream<_onestorage_v1_OperationEvent__Output>;
  /**
   * On the host it has left: removes the directory when nothing uses it.
   */
  finishMigration(argument: _onestorage_v1_GuestDirectoryRequest, metadata: grpc.Metadata, options?: grpc.CallOptions): grpc.ClientReadableStream<_onestorage_v1_OperationEvent__Output>;
  finishMigration(argument: _onestorage_v1_GuestDirectoryRequest, options?: grpc.CallOptions): grpc.ClientReadableStream<_onestorage_v1_OperationEvent__Output>;
  
  /**
   * On the host it leaves: can all of it be migrated? Gives the disks the names under which the hypervisor takes them along.
   */
  PrepareMigration(argument: _onestorage_v1_GuestDirectoryRequest, metadata: grpc.Metadata, options?: grpc.CallOptions): grpc.ClientReadableStream<_onestorage_v1_OperationEvent__Output>;
  PrepareMigration(argument: _onestorage_v1_GuestDirectoryRequest, options?: grpc.CallOptions): grpc.ClientReadableStream<_onestorage_v1_OperationEvent__Output>;
  /**
   * On the host it leaves: can all of it be migrated? Gives the disks the names under which the hypervisor takes them along.
   */
  prepareMigration(argument: _onestorage_v1_GuestDirectoryRequest, metadata: grpc.Metadata, options?: grpc.CallOptions): grpc.ClientReadableStream<_onestorage_v1_OperationEvent__Output>;
  prepareMigration(argument: _onestorage_v1_GuestDirectoryRequest, options?: grpc.CallOptions): grpc.ClientReadableStream<_onestorage_v1_OperationEvent__Output>;
  
}

/**
 * What is done to disks while a guest uses them.
 */
export interface GuestsHandlers extends grpc.UntypedServiceImplementation {
  /**
   * On either host: removes what was made for a guest that did not come, gives the disks of one that stayed their names back.
   */
  AbandonMigration: grpc.handleServerStreamingCall<_onestorage_v1_GuestDirectoryRequest__Output, _onestorage_v1_OperationEvent>;
  
  /**
   * On the host it has come to: the domain runs here, from this directory.
   */
  ConfirmMigration: grpc.handleServerStreamingCall<_onestorage_v1_GuestDirectoryRequest__Output, _onestorage_v1_OperationEvent>;
  
  /**
   * What the disk holds at one moment, as one file.
   */
  CopyDisk: grpc.handleServerStreamingCall<_onestorage_v1_CopyGuestDiskRequest__Output, _onestorage_v1_OperationEvent>;
  
  CreateSnapshot: grpc.handleServerStreamingCall<_onestorage_v1_GuestSnapshotRequest__Output, _onestorage_v1_OperationEvent>;
  
  DeleteSnapshot: grpc.handleServerStreamingCall<_onestorage_v1_GuestSnapshotRequest__Output, _onestorage_v1_OperationEvent>;
  
  /**
   * On the host it has left: removes the directory when nothing uses it.
   */
  FinishMigration: grpc.handleServerStreamingCall<_onestorage_v1_GuestDirectoryRequest__Output, _onestorage_v1_OperationEvent>;
  
  /**
   * On the host it leaves: can all of it be migrated? Gives the disks the names under which the hypervisor takes them along.
   */
  PrepareMigration: grpc.handleServerStreamingCall<_onestorage_v1_GuestDirectoryRequest__Output, _onestorage_v1_OperationEvent>;
  
}

export interface GuestsDefinition extends grpc.ServiceDefinition {
  AbandonMigration: MethodDefinition<_onestorage_v1_GuestDirectoryRequest, _onestorage_v1_OperationEvent, _onestorage_v1_GuestDirectoryRequest__Output, _onestorage_v1_OperationEvent__Output>
  ConfirmMigration: MethodDefinition<_onestorage_v1_GuestDirectoryRequest, _onestorage_v1_OperationEvent, _onestorage_v1_GuestDirectoryRequest__Output, _onestorage_v1_OperationEvent__Output>
  CopyDisk: MethodDefinition<_onestorage_v1_CopyGuestDiskRequest, _onestorage_v1_OperationEvent, _onestorage_v1_CopyGuestDiskRequest__Output, _onestorage_v1_OperationEvent__Output>
  CreateSnapshot: MethodDefinition<_onestorage_v1_GuestSnapshotRequest, _onestorage_v1_OperationEvent, _onestorage_v1_GuestSnapshotRequest__Output, _onestorage_v1_OperationEvent__Output>
  DeleteSnapshot: MethodDefinition<_onestorage_v1_GuestSnapshotRequest, _onestorage_v1_OperationEvent, _onestorage_v1_GuestSnapshotRequest__Output, _onestorage_v1_OperationEvent__Output>
  FinishMigration: MethodDefinition<_onestorage_v1_GuestDirectoryRequest, _onestorage_v1_OperationEvent, _onestorage_v1_GuestDirectoryRequest__Output, _onestorage_v1_OperationEvent__Output>
  PrepareMigration: MethodDefinition<_onestorage_v1_GuestDirectoryRequest, _onestorage_v1_OperationEvent, _onestorage_v1_GuestDirectoryRequest__Output, _onestorage_v1_OperationEvent__Output>
}

// Original file: onestorage/v1/live.proto

import type * as grpc from '@grpc/grpc-js'
import type { MethodDefinition } from '@grpc/proto-loader'
import type { CopyGuestDiskRequest as _onestorage_v1_CopyGuestDiskRequest, CopyGuestDiskRequest__Output as _onestorage_v1_CopyGuestDiskRequest__Output } from '../../onestorage/v1/CopyGuestDiskRequest.ts';
import type { GuestSnapshotRequest as _onestorage_v1_GuestSnapshotRequest, GuestSnapshotRequest__Output as _onestorage_v1_GuestSnapshotRequest__Output } from '../../onestorage/v1/GuestSnapshotRequest.ts';
import type { OperationEvent as _onestorage_v1_OperationEvent, OperationEvent__Output as _onestorage_v1_OperationEvent__Output } from '../../onestorage/v1/OperationEvent.ts';

/**
 * What is done to disks while a guest uses them.
 */
export interface GuestsClient extends grpc.Client {
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
  
}

/**
 * What is done to disks while a guest uses them.
 */
export interface GuestsHandlers extends grpc.UntypedServiceImplementation {
  /**
   * What the disk holds at one moment, as one file.
   */
  CopyDisk: grpc.handleServerStreamingCall<_onestorage_v1_CopyGuestDiskRequest__Output, _onestorage_v1_OperationEvent>;
  
  CreateSnapshot: grpc.handleServerStreamingCall<_onestorage_v1_GuestSnapshotRequest__Output, _onestorage_v1_OperationEvent>;
  
  DeleteSnapshot: grpc.handleServerStreamingCall<_onestorage_v1_GuestSnapshotRequest__Output, _onestorage_v1_OperationEvent>;
  
}

export interface GuestsDefinition extends grpc.ServiceDefinition {
  CopyDisk: MethodDefinition<_onestorage_v1_CopyGuestDiskRequest, _onestorage_v1_OperationEvent, _onestorage_v1_CopyGuestDiskRequest__Output, _onestorage_v1_OperationEvent__Output>
  CreateSnapshot: MethodDefinition<_onestorage_v1_GuestSnapshotRequest, _onestorage_v1_OperationEvent, _onestorage_v1_GuestSnapshotRequest__Output, _onestorage_v1_OperationEvent__Output>
  DeleteSnapshot: MethodDefinition<_onestorage_v1_GuestSnapshotRequest, _onestorage_v1_OperationEvent, _onestorage_v1_GuestSnapshotRequest__Output, _onestorage_v1_OperationEvent__Output>
}

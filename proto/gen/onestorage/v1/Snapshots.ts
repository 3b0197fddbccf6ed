// Original file: onestorage/v1/snapshot.proto

import type * as grpc from '@grpc/grpc-js'
import type { MethodDefinition } from '@grpc/proto-loader'
import type { OperationEvent as _onestorage_v1_OperationEvent, OperationEvent__Output as _onestorage_v1_OperationEvent__Output } from '../../onestorage/v1/OperationEvent.ts';
import type { SnapshotRequest as _onestorage_v1_SnapshotRequest, SnapshotRequest__Output as _onestorage_v1_SnapshotRequest__Output } from '../../onestorage/v1/SnapshotRequest.ts';

/**
 * Snapshots of a disk whose VM is off, or of an image no VM uses.
 */
export interface SnapshotsClient extends grpc.Client {
  Create(argument: _onestorage_v1_SnapshotRequest, metadata: grpc.Metadata, options?: grpc.CallOptions): grpc.ClientReadableStream<_onestorage_v1_OperationEvent__Output>;
  Create(argument: _onestorage_v1_SnapshotRequest, options?: grpc.CallOptions): grpc.ClientReadableStream<_onestorage_v1_OperationEvent__Output>;
  create(argument: _onestorage_v1_SnapshotRequest, metadata: grpc.Metadata, options?: grpc.CallOptions): grpc.ClientReadableStream<_onestorage_v1_OperationEvent__Output>;
  create(argument: _onestorage_v1_SnapshotRequest, options?: grpc.CallOptions): grpc.ClientReadableStream<_onestorage_v1_OperationEvent__Output>;
  
  Delete(argument: _onestorage_v1_SnapshotRequest, metadata: grpc.Metadata, options?: grpc.CallOptions): grpc.ClientReadableStream<_onestorage_v1_OperationEvent__Output>;
  Delete(argument: _onestorage_v1_SnapshotRequest, options?: grpc.CallOptions): grpc.ClientReadableStream<_onestorage_v1_OperationEvent__Output>;
  delete(argument: _onestorage_v1_SnapshotRequest, metadata: grpc.Metadata, options?: grpc.CallOptions): grpc.ClientReadableStream<_onestorage_v1_OperationEvent__Output>;
  delete(argument: _onestorage_v1_SnapshotRequest, options?: grpc.CallOptions): grpc.ClientReadableStream<_onestorage_v1_OperationEvent__Output>;
  
  /**
   * The image becomes the snapshot's content and has no snapshots any more.
   */
  Flatten(argument: _onestorage_v1_SnapshotRequest, metadata: grpc.Metadata, options?: grpc.CallOptions): grpc.ClientReadableStream<_onestorage_v1_OperationEvent__Output>;
  Flatten(argument: _onestorage_v1_SnapshotRequest, options?: grpc.CallOptions): grpc.ClientReadableStream<_onestorage_v1_OperationEvent__Output>;
  /**
   * The image becomes the snapshot's content and has no snapshots any more.
   */
  flatten(argument: _onestorage_v1_SnapshotRequest, metadata: grpc.Metadata, options?: grpc.CallOptions): grpc.ClientReadableStream<_onestorage_v1_OperationEvent__Output>;
  flatten(argument: _onestorage_v1_SnapshotRequest, options?: grpc.CallOptions): grpc.ClientReadableStream<_onestorage_v1_OperationEvent__Output>;
  
  Revert(argument: _onestorage_v1_SnapshotRequest, metadata: grpc.Metadata, options?: grpc.CallOptions): grpc.ClientReadableStream<_onestorage_v1_OperationEvent__Output>;
  Revert(argument: _onestorage_v1_SnapshotRequest, options?: grpc.CallOptions): grpc.ClientReadableStream<_onestorage_v1_OperationEvent__Output>;
  revert(argument: _onestorage_v1_SnapshotRequest, metadata: grpc.Metadata, options?: grpc.CallOptions): grpc.ClientReadableStream<_onestorage_v1_OperationEvent__Output>;
  revert(argument: _onestorage_v1_SnapshotRequest, options?: grpc.CallOptions): grpc.ClientReadableStream<_onestorage_v1_OperationEvent__Output>;
  
}

/**
 * Snapshots of a disk whose VM is off, or of an image no VM uses.
 */
export interface SnapshotsHandlers extends grpc.UntypedServiceImplementation {
  Create: grpc.handleServerStreamingCall<_onestorage_v1_SnapshotRequest__Output, _onestorage_v1_OperationEvent>;
  
  Delete: grpc.handleServerStreamingCall<_onestorage_v1_SnapshotRequest__Output, _onestorage_v1_OperationEvent>;
  
  /**
   * The image becomes the snapshot's content and has no snapshots any more.
   */
  Flatten: grpc.handleServerStreamingCall<_onestorage_v1_SnapshotRequest__Output, _onestorage_v1_OperationEvent>;
  
  Revert: grpc.handleServerStreamingCall<_onestorage_v1_SnapshotRequest__Output, _onestorage_v1_OperationEvent>;
  
}

export interface SnapshotsDefinition extends grpc.ServiceDefinition {
  Create: MethodDefinition<_onestorage_v1_SnapshotRequest, _onestorage_v1_OperationEvent, _onestorage_v1_SnapshotRequest__Output, _onestorage_v1_OperationEvent__Output>
  Delete: MethodDefinition<_onestorage_v1_SnapshotRequest, _onestorage_v1_OperationEvent, _onestorage_v1_SnapshotRequest__Output, _onestorage_v1_OperationEvent__Output>
  Flatten: MethodDefinition<_onestorage_v1_SnapshotRequest, _onestorage_v1_OperationEvent, _onestorage_v1_SnapshotRequest__Output, _onestorage_v1_OperationEvent__Output>
  Revert: MethodDefinition<_onestorage_v1_SnapshotRequest, _onestorage_v1_OperationEvent, _onestorage_v1_SnapshotRequest__Output, _onestorage_v1_OperationEvent__Output>
}

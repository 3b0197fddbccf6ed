// Original file: onestorage/v1/disk.proto

import type * as grpc from '@grpc/grpc-js'
import type { MethodDefinition } from '@grpc/proto-loader'
import type { CreateContextRequest as _onestorage_v1_CreateContextRequest, CreateContextRequest__Output as _onestorage_v1_CreateContextRequest__Output } from '../../onestorage/v1/CreateContextRequest.ts';
import type { CreateDiskRequest as _onestorage_v1_CreateDiskRequest, CreateDiskRequest__Output as _onestorage_v1_CreateDiskRequest__Output } from '../../onestorage/v1/CreateDiskRequest.ts';
import type { OperationEvent as _onestorage_v1_OperationEvent, OperationEvent__Output as _onestorage_v1_OperationEvent__Output } from '../../onestorage/v1/OperationEvent.ts';
import type { RemoveDiskRequest as _onestorage_v1_RemoveDiskRequest, RemoveDiskRequest__Output as _onestorage_v1_RemoveDiskRequest__Output } from '../../onestorage/v1/RemoveDiskRequest.ts';
import type { ResizeDiskRequest as _onestorage_v1_ResizeDiskRequest, ResizeDiskRequest__Output as _onestorage_v1_ResizeDiskRequest__Output } from '../../onestorage/v1/ResizeDiskRequest.ts';

/**
 * Disks and directories of virtual machines on one host.
 */
export interface DisksClient extends grpc.Client {
  Create(argument: _onestorage_v1_CreateDiskRequest, metadata: grpc.Metadata, options?: grpc.CallOptions): grpc.ClientReadableStream<_onestorage_v1_OperationEvent__Output>;
  Create(argument: _onestorage_v1_CreateDiskRequest, options?: grpc.CallOptions): grpc.ClientReadableStream<_onestorage_v1_OperationEvent__Output>;
  create(argument: _onestorage_v1_CreateDiskRequest, metadata: grpc.Metadata, options?: grpc.CallOptions): grpc.ClientReadableStream<_onestorage_v1_OperationEvent__Output>;
  create(argument: _onestorage_v1_CreateDiskRequest, options?: grpc.CallOptions): grpc.ClientReadableStream<_onestorage_v1_OperationEvent__Output>;
  
  /**
   * ISO 9660 with Joliet and Rock Ridge, label CONTEXT.
   */
  CreateContext(argument: _onestorage_v1_CreateContextRequest, metadata: grpc.Metadata, options?: grpc.CallOptions): grpc.ClientReadableStream<_onestorage_v1_OperationEvent__Output>;
  CreateContext(argument: _onestorage_v1_CreateContextRequest, options?: grpc.CallOptions): grpc.ClientReadableStream<_onestorage_v1_OperationEvent__Output>;
  /**
   * ISO 9660 with Joliet and Rock Ridge, label CONTEXT.
   */
  createContext(argument: _onestorage_v1_CreateContextRequest, metadata: grpc.Metadata, options?: grpc.CallOptions): grpc.ClientReadableStream<_onestorage_v1_OperationEvent__Output>;
  createContext(argument: _onestorage_v1_CreateContextRequest, options?: grpc.CallOptions): grpc.ClientReadableStream<_onestorage_v1_OperationEvent__Output>;
  
  /**
   * Not there: success. Never follows a link.
   */
  Remove(argument: _onestorage_v1_RemoveDiskRequest, metadata: grpc.Metadata, options?: grpc.CallOptions): grpc.ClientReadableStream<_onestorage_v1_OperationEvent__Output>;
  Remove(argument: _onestorage_v1_RemoveDiskRequest, options?: grpc.CallOptions): grpc.ClientReadableStream<_onestorage_v1_OperationEvent__Output>;
  /**
   * Not there: success. Never follows a link.
   */
  remove(argument: _onestorage_v1_RemoveDiskRequest, metadata: grpc.Metadata, options?: grpc.CallOptions): grpc.ClientReadableStream<_onestorage_v1_OperationEvent__Output>;
  remove(argument: _onestorage_v1_RemoveDiskRequest, options?: grpc.CallOptions): grpc.ClientReadableStream<_onestorage_v1_OperationEvent__Output>;
  
  Resize(argument: _onestorage_v1_ResizeDiskRequest, metadata: grpc.Metadata, options?: grpc.CallOptions): grpc.ClientReadableStream<_onestorage_v1_OperationEvent__Output>;
  Resize(argument: _onestorage_v1_ResizeDiskRequest, options?: grpc.CallOptions): grpc.ClientReadableStream<_onestorage_v1_OperationEvent__Output>;
  resize(argument: _onestorage_v1_ResizeDiskRequest, metadata: grpc.Metadata, options?: grpc.CallOptions): grpc.ClientReadableStream<_onestorage_v1_OperationEvent__Output>;
  resize(argument: _onestorage_v1_ResizeDiskRequest, options?: grpc.CallOptions): grpc.ClientReadableStream<_onestorage_v1_OperationEvent__Output>;
  
}

/**
 * Disks and directories of virtual machines on one host.
 */
export interface DisksHandlers extends grpc.UntypedServiceImplementation {
  Create: grpc.handleServerStreamingCall<_onestorage_v1_CreateDiskRequest__Output, _onestorage_v1_OperationEvent>;
  
  /**
   * ISO 9660 with Joliet and Rock Ridge, label CONTEXT.
   */
  CreateContext: grpc.handleServerStreamingCall<_onestorage_v1_CreateContextRequest__Output, _onestorage_v1_OperationEvent>;
  
  /**
   * Not there: success. Never follows a link.
   */
  Remove: grpc.handleServerStreamingCall<_onestorage_v1_RemoveDiskRequest__Output, _onestorage_v1_OperationEvent>;
  
  Resize: grpc.handleServerStreamingCall<_onestorage_v1_ResizeDiskRequest__Output, _onestorage_v1_OperationEvent>;
  
}

export interface DisksDefinition extends grpc.ServiceDefinition {
  Create: MethodDefinition<_onestorage_v1_CreateDiskRequest, _onestorage_v1_OperationEvent, _onestorage_v1_CreateDiskRequest__Output, _onestorage_v1_OperationEvent__Output>
  CreateContext: MethodDefinition<_onestorage_v1_CreateContextRequest, _onestorage_v1_OperationEvent, _onestorage_v1_CreateContextRequest__Output, _onestorage_v1_OperationEvent__Output>
  Remove: MethodDefinition<_onestorage_v1_RemoveDiskRequest, _onestorage_v1_OperationEvent, _onestorage_v1_RemoveDiskRequest__Output, _onestorage_v1_OperationEvent__Output>
  Resize: MethodDefinition<_onestorage_v1_ResizeDiskRequest, _onestorage_v1_OperationEvent, _onestorage_v1_ResizeDiskRequest__Output, _onestorage_v1_OperationEvent__Output>
}

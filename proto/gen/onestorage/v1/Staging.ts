// Original file: onestorage/v1/staging.proto

import type * as grpc from '@grpc/grpc-js'
import type { MethodDefinition } from '@grpc/proto-loader'
import type { DiscardRequest as _onestorage_v1_DiscardRequest, DiscardRequest__Output as _onestorage_v1_DiscardRequest__Output } from '../../onestorage/v1/DiscardRequest.ts';
import type { OperationEvent as _onestorage_v1_OperationEvent, OperationEvent__Output as _onestorage_v1_OperationEvent__Output } from '../../onestorage/v1/OperationEvent.ts';
import type { StageRequest as _onestorage_v1_StageRequest, StageRequest__Output as _onestorage_v1_StageRequest__Output } from '../../onestorage/v1/StageRequest.ts';

/**
 * What backup datastores upload: files of one moment, beside the disks of the VM.
 */
export interface StagingClient extends grpc.Client {
  /**
   * Removes them.
   */
  Discard(argument: _onestorage_v1_DiscardRequest, metadata: grpc.Metadata, options?: grpc.CallOptions): grpc.ClientReadableStream<_onestorage_v1_OperationEvent__Output>;
  Discard(argument: _onestorage_v1_DiscardRequest, options?: grpc.CallOptions): grpc.ClientReadableStream<_onestorage_v1_OperationEvent__Output>;
  /**
   * Removes them.
   */
  discard(argument: _onestorage_v1_DiscardRequest, metadata: grpc.Metadata, options?: grpc.CallOptions): grpc.ClientReadableStream<_onestorage_v1_OperationEvent__Output>;
  discard(argument: _onestorage_v1_DiscardRequest, options?: grpc.CallOptions): grpc.ClientReadableStream<_onestorage_v1_OperationEvent__Output>;
  
  /**
   * Makes the files of a backup: disk.<id>.<increment>, disk.tpm.0, vm.xml.
   */
  Stage(argument: _onestorage_v1_StageRequest, metadata: grpc.Metadata, options?: grpc.CallOptions): grpc.ClientReadableStream<_onestorage_v1_OperationEvent__Output>;
  Stage(argument: _onestorage_v1_StageRequest, options?: grpc.CallOptions): grpc.ClientReadableStream<_onestorage_v1_OperationEvent__Output>;
  /**
   * Makes the files of a backup: disk.<id>.<increment>, disk.tpm.0, vm.xml.
   */
  stage(argument: _onestorage_v1_StageRequest, metadata: grpc.Metadata, options?: grpc.CallOptions): grpc.ClientReadableStream<_onestorage_v1_OperationEvent__Output>;
  stage(argument: _onestorage_v1_StageRequest, options?: grpc.CallOptions): grpc.ClientReadableStream<_onestorage_v1_OperationEvent__Output>;
  
}

/**
 * What backup datastores upload: files of one moment, beside the disks of the VM.
 */
export interface StagingHandlers extends grpc.UntypedServiceImplementation {
  /**
   * Removes them.
   */
  Discard: grpc.handleServerStreamingCall<_onestorage_v1_DiscardRequest__Output, _onestorage_v1_OperationEvent>;
  
  /**
   * Makes the files of a backup: disk.<id>.<increment>, disk.tpm.0, vm.xml.
   */
  Stage: grpc.handleServerStreamingCall<_onestorage_v1_StageRequest__Output, _onestorage_v1_OperationEvent>;
  
}

export interface StagingDefinition extends grpc.ServiceDefinition {
  Discard: MethodDefinition<_onestorage_v1_DiscardRequest, _onestorage_v1_OperationEvent, _onestorage_v1_DiscardRequest__Output, _onestorage_v1_OperationEvent__Output>
  Stage: MethodDefinition<_onestorage_v1_StageRequest, _onestorage_v1_OperationEvent, _onestorage_v1_StageRequest__Output, _onestorage_v1_OperationEvent__Output>
}

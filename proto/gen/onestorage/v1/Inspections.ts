// Original file: onestorage/v1/inspection.proto

import type * as grpc from '@grpc/grpc-js'
import type { MethodDefinition } from '@grpc/proto-loader'
import type { Finding as _onestorage_v1_Finding, Finding__Output as _onestorage_v1_Finding__Output } from '../../onestorage/v1/Finding.ts';
import type { InspectRequest as _onestorage_v1_InspectRequest, InspectRequest__Output as _onestorage_v1_InspectRequest__Output } from '../../onestorage/v1/InspectRequest.ts';
import type { OperationEvent as _onestorage_v1_OperationEvent, OperationEvent__Output as _onestorage_v1_OperationEvent__Output } from '../../onestorage/v1/OperationEvent.ts';
import type { QuarantineRequest as _onestorage_v1_QuarantineRequest, QuarantineRequest__Output as _onestorage_v1_QuarantineRequest__Output } from '../../onestorage/v1/QuarantineRequest.ts';

/**
 * What lies in a datastore and does not fit, and setting it aside.
 */
export interface InspectionsClient extends grpc.Client {
  /**
   * Changes nothing.
   */
  Inspect(argument: _onestorage_v1_InspectRequest, metadata: grpc.Metadata, options?: grpc.CallOptions): grpc.ClientReadableStream<_onestorage_v1_Finding__Output>;
  Inspect(argument: _onestorage_v1_InspectRequest, options?: grpc.CallOptions): grpc.ClientReadableStream<_onestorage_v1_Finding__Output>;
  /**
   * Changes nothing.
   */
  inspect(argument: _onestorage_v1_InspectRequest, metadata: grpc.Metadata, options?: grpc.CallOptions): grpc.ClientReadableStream<_onestorage_v1_Finding__Output>;
  inspect(argument: _onestorage_v1_InspectRequest, options?: grpc.CallOptions): grpc.ClientReadableStream<_onestorage_v1_Finding__Output>;
  
  /**
   * Moves it to .quarantine/<operation id>/ of its datastore. Nothing is ever deleted. in_use: a process of this host has a file of it open.
   */
  Quarantine(argument: _onestorage_v1_QuarantineRequest, metadata: grpc.Metadata, options?: grpc.CallOptions): grpc.ClientReadableStream<_onestorage_v1_OperationEvent__Output>;
  Quarantine(argument: _onestorage_v1_QuarantineRequest, options?: grpc.CallOptions): grpc.ClientReadableStream<_onestorage_v1_OperationEvent__Output>;
  /**
   * Moves it to .quarantine/<operation id>/ of its datastore. Nothing is ever deleted. in_use: a process of this host has a file of it open.
   */
  quarantine(argument: _onestorage_v1_QuarantineRequest, metadata: grpc.Metadata, options?: grpc.CallOptions): grpc.ClientReadableStream<_onestorage_v1_OperationEvent__Output>;
  quarantine(argument: _onestorage_v1_QuarantineRequest, options?: grpc.CallOptions): grpc.ClientReadableStream<_onestorage_v1_OperationEvent__Output>;
  
}

/**
 * What lies in a datastore and does not fit, and setting it aside.
 */
export interface InspectionsHandlers extends grpc.UntypedServiceImplementation {
  /**
   * Changes nothing.
   */
  Inspect: grpc.handleServerStreamingCall<_onestorage_v1_InspectRequest__Output, _onestorage_v1_Finding>;
  
  /**
   * Moves it to .quarantine/<operation id>/ of its datastore. Nothing is ever deleted. in_use: a process of this host has a file of it open.
   */
  Quarantine: grpc.handleServerStreamingCall<_onestorage_v1_QuarantineRequest__Output, _onestorage_v1_OperationEvent>;
  
}

export interface InspectionsDefinition extends grpc.ServiceDefinition {
  Inspect: MethodDefinition<_onestorage_v1_InspectRequest, _onestorage_v1_Finding, _onestorage_v1_InspectRequest__Output, _onestorage_v1_Finding__Output>
  Quarantine: MethodDefinition<_onestorage_v1_QuarantineRequest, _onestorage_v1_OperationEvent, _onestorage_v1_QuarantineRequest__Output, _onestorage_v1_OperationEvent__Output>
}

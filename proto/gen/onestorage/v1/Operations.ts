// Original file: onestorage/v1/operation.proto

import type * as grpc from '@grpc/grpc-js'
import type { MethodDefinition } from '@grpc/proto-loader'
import type { CancelOperationRequest as _onestorage_v1_CancelOperationRequest, CancelOperationRequest__Output as _onestorage_v1_CancelOperationRequest__Output } from '../../onestorage/v1/CancelOperationRequest.ts';
import type { CancelOperationResponse as _onestorage_v1_CancelOperationResponse, CancelOperationResponse__Output as _onestorage_v1_CancelOperationResponse__Output } from '../../onestorage/v1/CancelOperationResponse.ts';
import type { GetOperationRequest as _onestorage_v1_GetOperationRequest, GetOperationRequest__Output as _onestorage_v1_GetOperationRequest__Output } from '../../onestorage/v1/GetOperationRequest.ts';
import type { ListOperationsRequest as _onestorage_v1_ListOperationsRequest, ListOperationsRequest__Output as _onestorage_v1_ListOperationsRequest__Output } from '../../onestorage/v1/ListOperationsRequest.ts';
import type { ListOperationsResponse as _onestorage_v1_ListOperationsResponse, ListOperationsResponse__Output as _onestorage_v1_ListOperationsResponse__Output } from '../../onestorage/v1/ListOperationsResponse.ts';
import type { OperationEvent as _onestorage_v1_OperationEvent, OperationEvent__Output as _onestorage_v1_OperationEvent__Output } from '../../onestorage/v1/OperationEvent.ts';
import type { OperationRecord as _onestorage_v1_OperationRecord, OperationRecord__Output as _onestorage_v1_OperationRecord__Output } from '../../onestorage/v1/OperationRecord.ts';
import type { WatchOperationRequest as _onestorage_v1_WatchOperationRequest, WatchOperationRequest__Output as _onestorage_v1_WatchOperationRequest__Output } from '../../onestorage/v1/WatchOperationRequest.ts';

/**
 * Looks at, follows and cancels operations of an agent.
 */
export interface OperationsClient extends grpc.Client {
  Cancel(argument: _onestorage_v1_CancelOperationRequest, metadata: grpc.Metadata, options: grpc.CallOptions, callback: grpc.requestCallback<_onestorage_v1_CancelOperationResponse__Output>): grpc.ClientUnaryCall;
  Cancel(argument: _onestorage_v1_CancelOperationRequest, metadata: grpc.Metadata, callback: grpc.requestCallback<_onestorage_v1_CancelOperationResponse__Output>): grpc.ClientUnaryCall;
  Cancel(argument: _onestorage_v1_CancelOperationRequest, options: grpc.CallOptions, callback: grpc.requestCallback<_onestorage_v1_CancelOperationResponse__Output>): grpc.ClientUnaryCall;
  Cancel(argument: _onestorage_v1_CancelOperationRequest, callback: grpc.requestCallback<_onestorage_v1_CancelOperationResponse__Output>): grpc.ClientUnaryCall;
  cancel(argument: _onestorage_v1_CancelOperationRequest, metadata: grpc.Metadata, options: grpc.CallOptions, callback: grpc.requestCallback<_onestorage_v1_CancelOperationResponse__Output>): grpc.ClientUnaryCall;
  cancel(argument: _onestorage_v1_CancelOperationRequest, metadata: grpc.Metadata, callback: grpc.requestCallback<_onestorage_v1_CancelOperationResponse__Output>): grpc.ClientUnaryCall;
  cancel(argument: _onestorage_v1_CancelOperationRequest, options: grpc.CallOptions, callback: grpc.requestCallback<_onestorage_v1_CancelOperationResponse__Output>): grpc.ClientUnaryCall;
  cancel(argument: _onestorage_v1_CancelOperationRequest, callback: grpc.requestCallback<_onestorage_v1_CancelOperationResponse__Output>): grpc.ClientUnaryCall;
  
  Get(argument: _onestorage_v1_GetOperationRequest, metadata: grpc.Metadata, options: grpc.CallOptions, callback: grpc.requestCallback<_onestorage_v1_OperationRecord__Output>): grpc.ClientUnaryCall;
  Get(argument: _onestorage_v1_GetOperationRequest, metadata: grpc.Metadata, callback: grpc.requestCallback<_onestorage_v1_OperationRecord__Output>): grpc.ClientUnaryCall;
  Get(argument: _onestorage_v1_GetOperationRequest, options: grpc.CallOptions, callback: grpc.requestCallback<_onestorage_v1_OperationRecord__Output>): grpc.ClientUnaryCall;
  Get(argument: _onestorage_v1_GetOperationRequest, callback: grpc.requestCallback<_onestorage_v1_OperationRecord__Output>): grpc.ClientUnaryCall;
  get(argument: _onestorage_v1_GetOperationRequest, metadata: grpc.Metadata, options: grpc.CallOptions, callback: grpc.requestCallback<_onestorage_v1_OperationRecord__Output>): grpc.ClientUnaryCall;
  get(argument: _onestorage_v1_GetOperationRequest, metadata: grpc.Metadata, callback: grpc.requestCallback<_onestorage_v1_OperationRecord__Output>): grpc.ClientUnaryCall;
  get(argument: _onestorage_v1_GetOperationRequest, options: grpc.CallOptions, callback: grpc.requestCallback<_onestorage_v1_OperationRecord__Output>): grpc.ClientUnaryCall;
  get(argument: _onestorage_v1_GetOperationRequest, callback: grpc.requestCallback<_onestorage_v1_OperationRecord__Output>): grpc.ClientUnaryCall;
  
  List(argument: _onestorage_v1_ListOperationsRequest, metadata: grpc.Metadata, options: grpc.CallOptions, callback: grpc.requestCallback<_onestorage_v1_ListOperationsResponse__Output>): grpc.ClientUnaryCall;
  List(argument: _onestorage_v1_ListOperationsRequest, metadata: grpc.Metadata, callback: grpc.requestCallback<_onestorage_v1_ListOperationsResponse__Output>): grpc.ClientUnaryCall;
  List(argument: _onestorage_v1_ListOperationsRequest, options: grpc.CallOptions, callback: grpc.requestCallback<_onestorage_v1_ListOperationsResponse__Output>): grpc.ClientUnaryCall;
  List(argument: _onestorage_v1_ListOperationsRequest, callback: grpc.requestCallback<_onestorage_v1_ListOperationsResponse__Output>): grpc.ClientUnaryCall;
  list(argument: _onestorage_v1_ListOperationsRequest, metadata: grpc.Metadata, options: grpc.CallOptions, callback: grpc.requestCallback<_onestorage_v1_ListOperationsResponse__Output>): grpc.ClientUnaryCall;
  list(argument: _onestorage_v1_ListOperationsRequest, metadata: grpc.Metadata, callback: grpc.requestCallback<_onestorage_v1_ListOperationsResponse__Output>): grpc.ClientUnaryCall;
  list(argument: _onestorage_v1_ListOperationsRequest, options: grpc.CallOptions, callback: grpc.requestCallback<_onestorage_v1_ListOperationsResponse__Output>): grpc.ClientUnaryCall;
  list(argument: _onestorage_v1_ListOperationsRequest, callback: grpc.requestCallback<_onestorage_v1_ListOperationsResponse__Output>): grpc.ClientUnaryCall;
  
  Watch(argument: _onestorage_v1_WatchOperationRequest, metadata: grpc.Metadata, options?: grpc.CallOptions): grpc.ClientReadableStream<_onestorage_v1_OperationEvent__Output>;
  Watch(argument: _onestorage_v1_WatchOperationRequest, options?: grpc.CallOptions): grpc.ClientReadableStream<_onestorage_v1_OperationEvent__Output>;
  watch(argument: _onestorage_v1_WatchOperationRequest, metadata: grpc.Metadata, options?: grpc.CallOptions): grpc.ClientReadableStream<_onestorage_v1_OperationEvent__Output>;
  watch(argument: _onestorage_v1_WatchOperationRequest, options?: grpc.CallOptions): grpc.ClientReadableStream<_onestorage_v1_OperationEvent__Output>;
  
}

/**
 * Looks at, follows and cancels operations of an agent.
 */
export interface OperationsHandlers extends grpc.UntypedServiceImplementation {
  Cancel: grpc.handleUnaryCall<_onestorage_v1_CancelOperationRequest__Output, _onestorage_v1_CancelOperationResponse>;
  
  Get: grpc.handleUnaryCall<_onestorage_v1_GetOperationRequest__Output, _onestorage_v1_OperationRecord>;
  
  List: grpc.handleUnaryCall<_onestorage_v1_ListOperationsRequest__Output, _onestorage_v1_ListOperationsResponse>;
  
  Watch: grpc.handleServerStreamingCall<_onestorage_v1_WatchOperationRequest__Output, _onestorage_v1_OperationEvent>;
  
}

export interface OperationsDefinition extends grpc.ServiceDefinition {
  Cancel: MethodDefinition<_onestorage_v1_CancelOperationRequest, _onestorage_v1_CancelOperationResponse, _onestorage_v1_CancelOperationRequest__Output, _onestorage_v1_CancelOperationResponse__Output>
  Get: MethodDefinition<_onestorage_v1_GetOperationRequest, _onestorage_v1_OperationRecord, _onestorage_v1_GetOperationRequest__Output, _onestorage_v1_OperationRecord__Output>
  List: MethodDefinition<_onestorage_v1_ListOperationsRequest, _onestorage_v1_ListOperationsResponse, _onestorage_v1_ListOperationsRequest__Output, _onestorage_v1_ListOperationsResponse__Output>
  Watch: MethodDefinition<_onestorage_v1_WatchOperationRequest, _onestorage_v1_OperationEvent, _onestorage_v1_WatchOperationRequest__Output, _onestorage_v1_OperationEvent__Output>
}

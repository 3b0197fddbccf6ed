// Original file: onestorage/v1/identity.proto

import type * as grpc from '@grpc/grpc-js'
import type { MethodDefinition } from '@grpc/proto-loader'
import type { SetRevocationsRequest as _onestorage_v1_SetRevocationsRequest, SetRevocationsRequest__Output as _onestorage_v1_SetRevocationsRequest__Output } from '../../onestorage/v1/SetRevocationsRequest.ts';
import type { SetRevocationsResponse as _onestorage_v1_SetRevocationsResponse, SetRevocationsResponse__Output as _onestorage_v1_SetRevocationsResponse__Output } from '../../onestorage/v1/SetRevocationsResponse.ts';

/**
 * Whom this host trusts.
 */
export interface IdentitiesClient extends grpc.Client {
  SetRevocations(argument: _onestorage_v1_SetRevocationsRequest, metadata: grpc.Metadata, options: grpc.CallOptions, callback: grpc.requestCallback<_onestorage_v1_SetRevocationsResponse__Output>): grpc.ClientUnaryCall;
  SetRevocations(argument: _onestorage_v1_SetRevocationsRequest, metadata: grpc.Metadata, callback: grpc.requestCallback<_onestorage_v1_SetRevocationsResponse__Output>): grpc.ClientUnaryCall;
  SetRevocations(argument: _onestorage_v1_SetRevocationsRequest, options: grpc.CallOptions, callback: grpc.requestCallback<_onestorage_v1_SetRevocationsResponse__Output>): grpc.ClientUnaryCall;
  SetRevocations(argument: _onestorage_v1_SetRevocationsRequest, callback: grpc.requestCallback<_onestorage_v1_SetRevocationsResponse__Output>): grpc.ClientUnaryCall;
  setRevocations(argument: _onestorage_v1_SetRevocationsRequest, metadata: grpc.Metadata, options: grpc.CallOptions, callback: grpc.requestCallback<_onestorage_v1_SetRevocationsResponse__Output>): grpc.ClientUnaryCall;
  setRevocations(argument: _onestorage_v1_SetRevocationsRequest, metadata: grpc.Metadata, callback: grpc.requestCallback<_onestorage_v1_SetRevocationsResponse__Output>): grpc.ClientUnaryCall;
  setRevocations(argument: _onestorage_v1_SetRevocationsRequest, options: grpc.CallOptions, callback: grpc.requestCallback<_onestorage_v1_SetRevocationsResponse__Output>): grpc.ClientUnaryCall;
  setRevocations(argument: _onestorage_v1_SetRevocationsRequest, callback: grpc.requestCallback<_onestorage_v1_SetRevocationsResponse__Output>): grpc.ClientUnaryCall;
  
}

/**
 * Whom this host trusts.
 */
export interface IdentitiesHandlers extends grpc.UntypedServiceImplementation {
  SetRevocations: grpc.handleUnaryCall<_onestorage_v1_SetRevocationsRequest__Output, _onestorage_v1_SetRevocationsResponse>;
  
}

export interface IdentitiesDefinition extends grpc.ServiceDefinition {
  SetRevocations: MethodDefinition<_onestorage_v1_SetRevocationsRequest, _onestorage_v1_SetRevocationsResponse, _onestorage_v1_SetRevocationsRequest__Output, _onestorage_v1_SetRevocationsResponse__Output>
}

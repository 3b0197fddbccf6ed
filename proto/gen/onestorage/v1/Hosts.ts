// Original file: onestorage/v1/host.proto

import type * as grpc from '@grpc/grpc-js'
import type { MethodDefinition } from '@grpc/proto-loader'
import type { DescribeHostRequest as _onestorage_v1_DescribeHostRequest, DescribeHostRequest__Output as _onestorage_v1_DescribeHostRequest__Output } from '../../onestorage/v1/DescribeHostRequest.ts';
import type { DescribeHostResponse as _onestorage_v1_DescribeHostResponse, DescribeHostResponse__Output as _onestorage_v1_DescribeHostResponse__Output } from '../../onestorage/v1/DescribeHostResponse.ts';
import type { UsageRequest as _onestorage_v1_UsageRequest, UsageRequest__Output as _onestorage_v1_UsageRequest__Output } from '../../onestorage/v1/UsageRequest.ts';
import type { UsageResponse as _onestorage_v1_UsageResponse, UsageResponse__Output as _onestorage_v1_UsageResponse__Output } from '../../onestorage/v1/UsageResponse.ts';

/**
 * What this host is and how full its datastores are.
 */
export interface HostsClient extends grpc.Client {
  Describe(argument: _onestorage_v1_DescribeHostRequest, metadata: grpc.Metadata, options: grpc.CallOptions, callback: grpc.requestCallback<_onestorage_v1_DescribeHostResponse__Output>): grpc.ClientUnaryCall;
  Describe(argument: _onestorage_v1_DescribeHostRequest, metadata: grpc.Metadata, callback: grpc.requestCallback<_onestorage_v1_DescribeHostResponse__Output>): grpc.ClientUnaryCall;
  Describe(argument: _onestorage_v1_DescribeHostRequest, options: grpc.CallOptions, callback: grpc.requestCallback<_onestorage_v1_DescribeHostResponse__Output>): grpc.ClientUnaryCall;
  Describe(argument: _onestorage_v1_DescribeHostRequest, callback: grpc.requestCallback<_onestorage_v1_DescribeHostResponse__Output>): grpc.ClientUnaryCall;
  describe(argument: _onestorage_v1_DescribeHostRequest, metadata: grpc.Metadata, options: grpc.CallOptions, callback: grpc.requestCallback<_onestorage_v1_DescribeHostResponse__Output>): grpc.ClientUnaryCall;
  describe(argument: _onestorage_v1_DescribeHostRequest, metadata: grpc.Metadata, callback: grpc.requestCallback<_onestorage_v1_DescribeHostResponse__Output>): grpc.ClientUnaryCall;
  describe(argument: _onestorage_v1_DescribeHostRequest, options: grpc.CallOptions, callback: grpc.requestCallback<_onestorage_v1_DescribeHostResponse__Output>): grpc.ClientUnaryCall;
  describe(argument: _onestorage_v1_DescribeHostRequest, callback: grpc.requestCallback<_onestorage_v1_DescribeHostResponse__Output>): grpc.ClientUnaryCall;
  
  Usage(argument: _onestorage_v1_UsageRequest, metadata: grpc.Metadata, options: grpc.CallOptions, callback: grpc.requestCallback<_onestorage_v1_UsageResponse__Output>): grpc.ClientUnaryCall;
  Usage(argument: _onestorage_v1_UsageRequest, metadata: grpc.Metadata, callback: grpc.requestCallback<_onestorage_v1_UsageResponse__Output>): grpc.ClientUnaryCall;
  Usage(argument: _onestorage_v1_UsageRequest, options: grpc.CallOptions, callback: grpc.requestCallback<_onestorage_v1_UsageResponse__Output>): grpc.ClientUnaryCall;
  Usage(argument: _onestorage_v1_UsageRequest, callback: grpc.requestCallback<_onestorage_v1_UsageResponse__Output>): grpc.ClientUnaryCall;
  usage(argument: _onestorage_v1_UsageRequest, metadata: grpc.Metadata, options: grpc.CallOptions, callback: grpc.requestCallback<_onestorage_v1_UsageResponse__Output>): grpc.ClientUnaryCall;
  usage(argument: _onestorage_v1_UsageRequest, metadata: grpc.Metadata, callback: grpc.requestCallback<_onestorage_v1_UsageResponse__Output>): grpc.ClientUnaryCall;
  usage(argument: _onestorage_v1_UsageRequest, options: grpc.CallOptions, callback: grpc.requestCallback<_onestorage_v1_UsageResponse__Output>): grpc.ClientUnaryCall;
  usage(argument: _onestorage_v1_UsageRequest, callback: grpc.requestCallback<_onestorage_v1_UsageResponse__Output>): grpc.ClientUnaryCall;
  
}

/**
 * What this host is and how full its datastores are.
 */
export interface HostsHandlers extends grpc.UntypedServiceImplementation {
  Describe: grpc.handleUnaryCall<_onestorage_v1_DescribeHostRequest__Output, _onestorage_v1_DescribeHostResponse>;
  
  Usage: grpc.handleUnaryCall<_onestorage_v1_UsageRequest__Output, _onestorage_v1_UsageResponse>;
  
}

export interface HostsDefinition extends grpc.ServiceDefinition {
  Describe: MethodDefinition<_onestorage_v1_DescribeHostRequest, _onestorage_v1_DescribeHostResponse, _onestorage_v1_DescribeHostRequest__Output, _onestorage_v1_DescribeHostResponse__Output>
  Usage: MethodDefinition<_onestorage_v1_UsageRequest, _onestorage_v1_UsageResponse, _onestorage_v1_UsageRequest__Output, _onestorage_v1_UsageResponse__Output>
}

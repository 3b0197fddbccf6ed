// Original file: onestorage/v1/host.proto

import type * as grpc from '@grpc/grpc-js'
import type { MethodDefinition } from '@grpc/proto-loader'
import type { CheckHostRequest as _onestorage_v1_CheckHostRequest, CheckHostRequest__Output as _onestorage_v1_CheckHostRequest__Output } from '../../onestorage/v1/CheckHostRequest.ts';
import type { CheckHostResponse as _onestorage_v1_CheckHostResponse, CheckHostResponse__Output as _onestorage_v1_CheckHostResponse__Output } from '../../onestorage/v1/CheckHostResponse.ts';
import type { DescribeHostRequest as _onestorage_v1_DescribeHostRequest, DescribeHostRequest__Output as _onestorage_v1_DescribeHostRequest__Output } from '../../onestorage/v1/DescribeHostRequest.ts';
import type { DescribeHostResponse as _onestorage_v1_DescribeHostResponse, DescribeHostResponse__Output as _onestorage_v1_DescribeHostResponse__Output } from '../../onestorage/v1/DescribeHostResponse.ts';
import type { DiskSizesRequest as _onestorage_v1_DiskSizesRequest, DiskSizesRequest__Output as _onestorage_v1_DiskSizesRequest__Output } from '../../onestorage/v1/DiskSizesRequest.ts';
import type { DiskSizesResponse as _onestorage_v1_DiskSizesResponse, DiskSizesResponse__Output as _onestorage_v1_DiskSizesResponse__Output } from '../../onestorage/v1/DiskSizesResponse.ts';
import type { StatRequest as _onestorage_v1_StatRequest, StatRequest__Output as _onestorage_v1_StatRequest__Output } from '../../onestorage/v1/StatRequest.ts';
import type { StatResponse as _onestorage_v1_StatResponse, StatResponse__Output as _onestorage_v1_StatResponse__Output } from '../../onestorage/v1/StatResponse.ts';
import type { UsageRequest as _onestorage_v1_UsageRequest, UsageRequest__Output as _onestorage_v1_UsageRequest__Output } from '../../onestorage/v1/UsageRequest.ts';
import type { UsageResponse as _onestorage_v1_UsageResponse, UsageResponse__Output as _onestorage_v1_UsageResponse__Output } from '../../onestorage/v1/UsageResponse.ts';

/**
 * What this host is and how full its datastores are.
 */
export interface HostsClient extends grpc.Client {
  Check(argument: _onestorage_v1_CheckHostRequest, metadata: grpc.Metadata, options: grpc.CallOptions, callback: grpc.requestCallback<_onestorage_v1_CheckHostResponse__Output>): grpc.ClientUnaryCall;
  Check(argument: _onestorage_v1_CheckHostRequest, metadata: grpc.Metadata, callback: grpc.requestCallback<_onestorage_v1_CheckHostResponse__Output>): grpc.ClientUnaryCall;
  Check(argument: _onestorage_v1_CheckHostRequest, options: grpc.CallOptions, callback: grpc.requestCallback<_onestorage_v1_CheckHostResponse__Output>): grpc.ClientUnaryCall;
  Check(argument: _onestorage_v1_CheckHostRequest, callback: grpc.requestCallback<_onestorage_v1_CheckHostResponse__Output>): grpc.ClientUnaryCall;
  check(argument: _onestorage_v1_CheckHostRequest, metadata: grpc.Metadata, options: grpc.CallOptions, callback: grpc.requestCallback<_onestorage_v1_CheckHostResponse__Output>): grpc.ClientUnaryCall;
  check(argument: _onestorage_v1_CheckHostRequest, metadata: grpc.Metadata, callback: grpc.requestCallback<_onestorage_v1_CheckHostResponse__Output>): grpc.ClientUnaryCall;
  check(argument: _onestorage_v1_CheckHostRequest, options: grpc.CallOptions, callback: grpc.requestCallback<_onestorage_v1_CheckHostResponse__Output>): grpc.ClientUnaryCall;
  check(argument: _onestorage_v1_CheckHostRequest, callback: grpc.requestCallback<_onestorage_v1_CheckHostResponse__Output>): grpc.ClientUnaryCall;
  
  Describe(argument: _onestorage_v1_DescribeHostRequest, metadata: grpc.Metadata, options: grpc.CallOptions, callback: grpc.requestCallback<_onestorage_v1_DescribeHostResponse__Output>): grpc.ClientUnaryCall;
  Describe(argument: _onestorage_v1_DescribeHostRequest, metadata: grpc.Metadata, callback: grpc.requestCallback<_onestorage_v1_DescribeHostResponse__Output>): grpc.ClientUnaryCall;
  Describe(argument: _onestorage_v1_DescribeHostRequest, options: grpc.CallOptions, callback: grpc.requestCallback<_onestorage_v1_DescribeHostResponse__Output>): grpc.ClientUnaryCall;
  Describe(argument: _onestorage_v1_DescribeHostRequest, callback: grpc.requestCallback<_onestorage_v1_DescribeHostResponse__Output>): grpc.ClientUnaryCall;
  describe(argument: _onestorage_v1_DescribeHostRequest, metadata: grpc.Metadata, options: grpc.CallOptions, callback: grpc.requestCallback<_onestorage_v1_DescribeHostResponse__Output>): grpc.ClientUnaryCall;
  describe(argument: _onestorage_v1_DescribeHostRequest, metadata: grpc.Metadata, callback: grpc.requestCallback<_onestorage_v1_DescribeHostResponse__Output>): grpc.ClientUnaryCall;
  describe(argument: _onestorage_v1_DescribeHostRequest, options: grpc.CallOptions, callback: grpc.requestCallback<_onestorage_v1_DescribeHostResponse__Output>): grpc.ClientUnaryCall;
  describe(argument: _onestorage_v1_DescribeHostRequest, callback: grpc.requestCallback<_onestorage_v1_DescribeHostResponse__Output>): grpc.ClientUnaryCall;
  
  /**
   * What the disks in a system datastore take: measured now, or known from the last walk when this host measures it anyway.
   */
  DiskSizes(argument: _onestorage_v1_DiskSizesRequest, metadata: grpc.Metadata, options?: grpc.CallOptions): grpc.ClientReadableStream<_onestorage_v1_DiskSizesResponse__Output>;
  DiskSizes(argument: _onestorage_v1_DiskSizesRequest, options?: grpc.CallOptions): grpc.ClientReadableStream<_onestorage_v1_DiskSizesResponse__Output>;
  /**
   * What the disks in a system datastore take: measured now, or known from the last walk when this host measures it anyway.
   */
  diskSizes(argument: _onestorage_v1_DiskSizesRequest, metadata: grpc.Metadata, options?: grpc.CallOptions): grpc.ClientReadableStream<_onestorage_v1_DiskSizesResponse__Output>;
  diskSizes(argument: _onestorage_v1_DiskSizesRequest, options?: grpc.CallOptions): grpc.ClientReadableStream<_onestorage_v1_DiskSizesResponse__Output>;
  
  /**
   * What is at these places. Nothing is opened.
   */
  Stat(argument: _onestorage_v1_StatRequest, metadata: grpc.Metadata, options: grpc.CallOptions, callback: grpc.requestCallback<_onestorage_v1_StatResponse__Output>): grpc.ClientUnaryCall;
  Stat(argument: _onestorage_v1_StatRequest, metadata: grpc.Metadata, callback: grpc.requestCallback<_onestorage_v1_StatResponse__Output>): grpc.ClientUnaryCall;
  Stat(argument: _onestorage_v1_StatRequest, options: grpc.CallOptions, callback: grpc.requestCallback<_onestorage_v1_StatResponse__Output>): grpc.ClientUnaryCall;
  Stat(argument: _onestorage_v1_StatRequest, callback: grpc.requestCallback<_onestorage_v1_StatResponse__Output>): grpc.ClientUnaryCall;
  /**
   * What is at these places. Nothing is opened.
   */
  stat(argument: _onestorage_v1_StatRequest, metadata: grpc.Metadata, options: grpc.CallOptions, callback: grpc.requestCallback<_onestorage_v1_StatResponse__Output>): grpc.ClientUnaryCall;
  stat(argument: _onestorage_v1_StatRequest, metadata: grpc.Metadata, callback: grpc.requestCallback<_onestorage_v1_StatResponse__Output>): grpc.ClientUnaryCall;
  stat(argument: _onestorage_v1_StatRequest, options: grpc.CallOptions, callback: grpc.requestCallback<_onestorage_v1_StatResponse__Output>): grpc.ClientUnaryCall;
  stat(argument: _onestorage_v1_StatRequest, callback: grpc.requestCallback<_onestorage_v1_StatResponse__Output>): grpc.ClientUnaryCall;
  
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
  Check: grpc.handleUnaryCall<_onestorage_v1_CheckHostRequest__Output, _onestorage_v1_CheckHostResponse>;
  
  Describe: grpc.handleUnaryCall<_onestorage_v1_DescribeHostRequest__Output, _onestorage_v1_DescribeHostResponse>;
  
  /**
   * What the disks in a system datastore take: measured now, or known from the last walk when this host measures it anyway.
   */
  DiskSizes: grpc.handleServerStreamingCall<_onestorage_v1_DiskSizesRequest__Output, _onestorage_v1_DiskSizesResponse>;
  
  /**
   * What is at these places. Nothing is opened.
   */
  Stat: grpc.handleUnaryCall<_onestorage_v1_StatRequest__Output, _onestorage_v1_StatResponse>;
  
  Usage: grpc.handleUnaryCall<_onestorage_v1_UsageRequest__Output, _onestorage_v1_UsageResponse>;
  
}

export interface HostsDefinition extends grpc.ServiceDefinition {
  Check: MethodDefinition<_onestorage_v1_CheckHostRequest, _onestorage_v1_CheckHostResponse, _onestorage_v1_CheckHostRequest__Output, _onestorage_v1_CheckHostResponse__Output>
  Describe: MethodDefinition<_onestorage_v1_DescribeHostRequest, _onestorage_v1_DescribeHostResponse, _onestorage_v1_DescribeHostRequest__Output, _onestorage_v1_DescribeHostResponse__Output>
  DiskSizes: MethodDefinition<_onestorage_v1_DiskSizesRequest, _onestorage_v1_DiskSizesResponse, _onestorage_v1_DiskSizesRequest__Output, _onestorage_v1_DiskSizesResponse__Output>
  Stat: MethodDefinition<_onestorage_v1_StatRequest, _onestorage_v1_StatResponse, _onestorage_v1_StatRequest__Output, _onestorage_v1_StatResponse__Output>
  Usage: MethodDefinition<_onestorage_v1_UsageRequest, _onestorage_v1_UsageResponse, _onestorage_v1_UsageRequest__Output, _onestorage_v1_UsageResponse__Output>
}

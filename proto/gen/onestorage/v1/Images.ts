// Original file: onestorage/v1/image.proto

import type * as grpc from '@grpc/grpc-js'
import type { MethodDefinition } from '@grpc/proto-loader'
import type { CopyImageRequest as _onestorage_v1_CopyImageRequest, CopyImageRequest__Output as _onestorage_v1_CopyImageRequest__Output } from '../../onestorage/v1/CopyImageRequest.ts';
import type { CreateImageRequest as _onestorage_v1_CreateImageRequest, CreateImageRequest__Output as _onestorage_v1_CreateImageRequest__Output } from '../../onestorage/v1/CreateImageRequest.ts';
import type { DescribeImageRequest as _onestorage_v1_DescribeImageRequest, DescribeImageRequest__Output as _onestorage_v1_DescribeImageRequest__Output } from '../../onestorage/v1/DescribeImageRequest.ts';
import type { ImportImageRequest as _onestorage_v1_ImportImageRequest, ImportImageRequest__Output as _onestorage_v1_ImportImageRequest__Output } from '../../onestorage/v1/ImportImageRequest.ts';
import type { OperationEvent as _onestorage_v1_OperationEvent, OperationEvent__Output as _onestorage_v1_OperationEvent__Output } from '../../onestorage/v1/OperationEvent.ts';
import type { RemoveImageRequest as _onestorage_v1_RemoveImageRequest, RemoveImageRequest__Output as _onestorage_v1_RemoveImageRequest__Output } from '../../onestorage/v1/RemoveImageRequest.ts';
import type { StatOriginRequest as _onestorage_v1_StatOriginRequest, StatOriginRequest__Output as _onestorage_v1_StatOriginRequest__Output } from '../../onestorage/v1/StatOriginRequest.ts';
import type { StatOriginResponse as _onestorage_v1_StatOriginResponse, StatOriginResponse__Output as _onestorage_v1_StatOriginResponse__Output } from '../../onestorage/v1/StatOriginResponse.ts';

/**
 * Images of an image datastore. Each call acts on the agent that holds it: the front-end, or a bridge.
 */
export interface ImagesClient extends grpc.Client {
  /**
   * Result: format, size_bytes.
   */
  Copy(argument: _onestorage_v1_CopyImageRequest, metadata: grpc.Metadata, options?: grpc.CallOptions): grpc.ClientReadableStream<_onestorage_v1_OperationEvent__Output>;
  Copy(argument: _onestorage_v1_CopyImageRequest, options?: grpc.CallOptions): grpc.ClientReadableStream<_onestorage_v1_OperationEvent__Output>;
  /**
   * Result: format, size_bytes.
   */
  copy(argument: _onestorage_v1_CopyImageRequest, metadata: grpc.Metadata, options?: grpc.CallOptions): grpc.ClientReadableStream<_onestorage_v1_OperationEvent__Output>;
  copy(argument: _onestorage_v1_CopyImageRequest, options?: grpc.CallOptions): grpc.ClientReadableStream<_onestorage_v1_OperationEvent__Output>;
  
  Create(argument: _onestorage_v1_CreateImageRequest, metadata: grpc.Metadata, options?: grpc.CallOptions): grpc.ClientReadableStream<_onestorage_v1_OperationEvent__Output>;
  Create(argument: _onestorage_v1_CreateImageRequest, options?: grpc.CallOptions): grpc.ClientReadableStream<_onestorage_v1_OperationEvent__Output>;
  create(argument: _onestorage_v1_CreateImageRequest, metadata: grpc.Metadata, options?: grpc.CallOptions): grpc.ClientReadableStream<_onestorage_v1_OperationEvent__Output>;
  create(argument: _onestorage_v1_CreateImageRequest, options?: grpc.CallOptions): grpc.ClientReadableStream<_onestorage_v1_OperationEvent__Output>;
  
  /**
   * For export. Result: format, size_bytes (of the file), md5.
   */
  Describe(argument: _onestorage_v1_DescribeImageRequest, metadata: grpc.Metadata, options?: grpc.CallOptions): grpc.ClientReadableStream<_onestorage_v1_OperationEvent__Output>;
  Describe(argument: _onestorage_v1_DescribeImageRequest, options?: grpc.CallOptions): grpc.ClientReadableStream<_onestorage_v1_OperationEvent__Output>;
  /**
   * For export. Result: format, size_bytes (of the file), md5.
   */
  describe(argument: _onestorage_v1_DescribeImageRequest, metadata: grpc.Metadata, options?: grpc.CallOptions): grpc.ClientReadableStream<_onestorage_v1_OperationEvent__Output>;
  describe(argument: _onestorage_v1_DescribeImageRequest, options?: grpc.CallOptions): grpc.ClientReadableStream<_onestorage_v1_OperationEvent__Output>;
  
  /**
   * Result: format, size_bytes.
   */
  Import(argument: _onestorage_v1_ImportImageRequest, metadata: grpc.Metadata, options?: grpc.CallOptions): grpc.ClientReadableStream<_onestorage_v1_OperationEvent__Output>;
  Import(argument: _onestorage_v1_ImportImageRequest, options?: grpc.CallOptions): grpc.ClientReadableStream<_onestorage_v1_OperationEvent__Output>;
  /**
   * Result: format, size_bytes.
   */
  import(argument: _onestorage_v1_ImportImageRequest, metadata: grpc.Metadata, options?: grpc.CallOptions): grpc.ClientReadableStream<_onestorage_v1_OperationEvent__Output>;
  import(argument: _onestorage_v1_ImportImageRequest, options?: grpc.CallOptions): grpc.ClientReadableStream<_onestorage_v1_OperationEvent__Output>;
  
  /**
   * Not there: success.
   */
  Remove(argument: _onestorage_v1_RemoveImageRequest, metadata: grpc.Metadata, options?: grpc.CallOptions): grpc.ClientReadableStream<_onestorage_v1_OperationEvent__Output>;
  Remove(argument: _onestorage_v1_RemoveImageRequest, options?: grpc.CallOptions): grpc.ClientReadableStream<_onestorage_v1_OperationEvent__Output>;
  /**
   * Not there: success.
   */
  remove(argument: _onestorage_v1_RemoveImageRequest, metadata: grpc.Metadata, options?: grpc.CallOptions): grpc.ClientReadableStream<_onestorage_v1_OperationEvent__Output>;
  remove(argument: _onestorage_v1_RemoveImageRequest, options?: grpc.CallOptions): grpc.ClientReadableStream<_onestorage_v1_OperationEvent__Output>;
  
  /**
   * Size of an image that is to be imported. Changes nothing.
   */
  StatOrigin(argument: _onestorage_v1_StatOriginRequest, metadata: grpc.Metadata, options: grpc.CallOptions, callback: grpc.requestCallback<_onestorage_v1_StatOriginResponse__Output>): grpc.ClientUnaryCall;
  StatOrigin(argument: _onestorage_v1_StatOriginRequest, metadata: grpc.Metadata, callback: grpc.requestCallback<_onestorage_v1_StatOriginResponse__Output>): grpc.ClientUnaryCall;
  StatOrigin(argument: _onestorage_v1_StatOriginRequest, options: grpc.CallOptions, callback: grpc.requestCallback<_onestorage_v1_StatOriginResponse__Output>): grpc.ClientUnaryCall;
  StatOrigin(argument: _onestorage_v1_StatOriginRequest, callback: grpc.requestCallback<_onestorage_v1_StatOriginResponse__Output>): grpc.ClientUnaryCall;
  /**
   * Size of an image that is to be imported. Changes nothing.
   */
  statOrigin(argument: _onestorage_v1_StatOriginRequest, metadata: grpc.Metadata, options: grpc.CallOptions, callback: grpc.requestCallback<_onestorage_v1_StatOriginResponse__Output>): grpc.ClientUnaryCall;
  statOrigin(argument: _onestorage_v1_StatOriginRequest, metadata: grpc.Metadata, callback: grpc.requestCallback<_onestorage_v1_StatOriginResponse__Output>): grpc.ClientUnaryCall;
  statOrigin(argument: _onestorage_v1_StatOriginRequest, options: grpc.CallOptions, callback: grpc.requestCallback<_onestorage_v1_StatOriginResponse__Output>): grpc.ClientUnaryCall;
  statOrigin(argument: _onestorage_v1_StatOriginRequest, callback: grpc.requestCallback<_onestorage_v1_StatOriginResponse__Output>): grpc.ClientUnaryCall;
  
}

/**
 * Images of an image datastore. Each call acts on the agent that holds it: the front-end, or a bridge.
 */
export interface ImagesHandlers extends grpc.UntypedServiceImplementation {
  /**
   * Result: format, size_bytes.
   */
  Copy: grpc.handleServerStreamingCall<_onestorage_v1_CopyImageRequest__Output, _onestorage_v1_OperationEvent>;
  
  Create: grpc.handleServerStreamingCall<_onestorage_v1_CreateImageRequest__Output, _onestorage_v1_OperationEvent>;
  
  /**
   * For export. Result: format, size_bytes (of the file), md5.
   */
  Describe: grpc.handleServerStreamingCall<_onestorage_v1_DescribeImageRequest__Output, _onestorage_v1_OperationEvent>;
  
  /**
   * Result: format, size_bytes.
   */
  Import: grpc.handleServerStreamingCall<_onestorage_v1_ImportImageRequest__Output, _onestorage_v1_OperationEvent>;
  
  /**
   * Not there: success.
   */
  Remove: grpc.handleServerStreamingCall<_onestorage_v1_RemoveImageRequest__Output, _onestorage_v1_OperationEvent>;
  
  /**
   * Size of an image that is to be imported. Changes nothing.
   */
  StatOrigin: grpc.handleUnaryCall<_onestorage_v1_StatOriginRequest__Output, _onestorage_v1_StatOriginResponse>;
  
}

export interface ImagesDefinition extends grpc.ServiceDefinition {
  Copy: MethodDefinition<_onestorage_v1_CopyImageRequest, _onestorage_v1_OperationEvent, _onestorage_v1_CopyImageRequest__Output, _onestorage_v1_OperationEvent__Output>
  Create: MethodDefinition<_onestorage_v1_CreateImageRequest, _onestorage_v1_OperationEvent, _onestorage_v1_CreateImageRequest__Output, _onestorage_v1_OperationEvent__Output>
  Describe: MethodDefinition<_onestorage_v1_DescribeImageRequest, _onestorage_v1_OperationEvent, _onestorage_v1_DescribeImageRequest__Output, _onestorage_v1_OperationEvent__Output>
  Import: MethodDefinition<_onestorage_v1_ImportImageRequest, _onestorage_v1_OperationEvent, _onestorage_v1_ImportImageRequest__Output, _onestorage_v1_OperationEvent__Output>
  Remove: MethodDefinition<_onestorage_v1_RemoveImageRequest, _onestorage_v1_OperationEvent, _onestorage_v1_RemoveImageRequest__Output, _onestorage_v1_OperationEvent__Output>
  StatOrigin: MethodDefinition<_onestorage_v1_StatOriginRequest, _onestorage_v1_StatOriginResponse, _onestorage_v1_StatOriginRequest__Output, _onestorage_v1_StatOriginResponse__Output>
}

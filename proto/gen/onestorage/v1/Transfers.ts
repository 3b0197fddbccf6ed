// Original file: onestorage/v1/transfer.proto

import type * as grpc from '@grpc/grpc-js'
import type { MethodDefinition } from '@grpc/proto-loader'
import type { FetchEvent as _onestorage_v1_FetchEvent, FetchEvent__Output as _onestorage_v1_FetchEvent__Output } from '../../onestorage/v1/FetchEvent.ts';
import type { FetchRequest as _onestorage_v1_FetchRequest, FetchRequest__Output as _onestorage_v1_FetchRequest__Output } from '../../onestorage/v1/FetchRequest.ts';
import type { OpenExportRequest as _onestorage_v1_OpenExportRequest, OpenExportRequest__Output as _onestorage_v1_OpenExportRequest__Output } from '../../onestorage/v1/OpenExportRequest.ts';
import type { OperationEvent as _onestorage_v1_OperationEvent, OperationEvent__Output as _onestorage_v1_OperationEvent__Output } from '../../onestorage/v1/OperationEvent.ts';
import type { ReceiveRequest as _onestorage_v1_ReceiveRequest, ReceiveRequest__Output as _onestorage_v1_ReceiveRequest__Output } from '../../onestorage/v1/ReceiveRequest.ts';
import type { Ticket as _onestorage_v1_Ticket, Ticket__Output as _onestorage_v1_Ticket__Output } from '../../onestorage/v1/Ticket.ts';

/**
 * Bulk data, agent to agent. The controller opens and receives; an agent fetches with the capability it was given.
 */
export interface TransfersClient extends grpc.Client {
  Fetch(metadata: grpc.Metadata, options?: grpc.CallOptions): grpc.ClientDuplexStream<_onestorage_v1_FetchRequest, _onestorage_v1_FetchEvent__Output>;
  Fetch(options?: grpc.CallOptions): grpc.ClientDuplexStream<_onestorage_v1_FetchRequest, _onestorage_v1_FetchEvent__Output>;
  fetch(metadata: grpc.Metadata, options?: grpc.CallOptions): grpc.ClientDuplexStream<_onestorage_v1_FetchRequest, _onestorage_v1_FetchEvent__Output>;
  fetch(options?: grpc.CallOptions): grpc.ClientDuplexStream<_onestorage_v1_FetchRequest, _onestorage_v1_FetchEvent__Output>;
  
  Open(argument: _onestorage_v1_OpenExportRequest, metadata: grpc.Metadata, options: grpc.CallOptions, callback: grpc.requestCallback<_onestorage_v1_Ticket__Output>): grpc.ClientUnaryCall;
  Open(argument: _onestorage_v1_OpenExportRequest, metadata: grpc.Metadata, callback: grpc.requestCallback<_onestorage_v1_Ticket__Output>): grpc.ClientUnaryCall;
  Open(argument: _onestorage_v1_OpenExportRequest, options: grpc.CallOptions, callback: grpc.requestCallback<_onestorage_v1_Ticket__Output>): grpc.ClientUnaryCall;
  Open(argument: _onestorage_v1_OpenExportRequest, callback: grpc.requestCallback<_onestorage_v1_Ticket__Output>): grpc.ClientUnaryCall;
  open(argument: _onestorage_v1_OpenExportRequest, metadata: grpc.Metadata, options: grpc.CallOptions, callback: grpc.requestCallback<_onestorage_v1_Ticket__Output>): grpc.ClientUnaryCall;
  open(argument: _onestorage_v1_OpenExportRequest, metadata: grpc.Metadata, callback: grpc.requestCallback<_onestorage_v1_Ticket__Output>): grpc.ClientUnaryCall;
  open(argument: _onestorage_v1_OpenExportRequest, options: grpc.CallOptions, callback: grpc.requestCallback<_onestorage_v1_Ticket__Output>): grpc.ClientUnaryCall;
  open(argument: _onestorage_v1_OpenExportRequest, callback: grpc.requestCallback<_onestorage_v1_Ticket__Output>): grpc.ClientUnaryCall;
  
  Receive(argument: _onestorage_v1_ReceiveRequest, metadata: grpc.Metadata, options?: grpc.CallOptions): grpc.ClientReadableStream<_onestorage_v1_OperationEvent__Output>;
  Receive(argument: _onestorage_v1_ReceiveRequest, options?: grpc.CallOptions): grpc.ClientReadableStream<_onestorage_v1_OperationEvent__Output>;
  receive(argument: _onestorage_v1_ReceiveRequest, metadata: grpc.Metadata, options?: grpc.CallOptions): grpc.ClientReadableStream<_onestorage_v1_OperationEvent__Output>;
  receive(argument: _onestorage_v1_ReceiveRequest, options?: grpc.CallOptions): grpc.ClientReadableStream<_onestorage_v1_OperationEvent__Output>;
  
}

/**
 * Bulk data, agent to agent. The controller opens and receives; an agent fetches with the capability it was given.
 */
export interface TransfersHandlers extends grpc.UntypedServiceImplementation {
  Fetch: grpc.handleBidiStreamingCall<_onestorage_v1_FetchRequest__Output, _onestorage_v1_FetchEvent>;
  
  Open: grpc.handleUnaryCall<_onestorage_v1_OpenExportRequest__Output, _onestorage_v1_Ticket>;
  
  Receive: grpc.handleServerStreamingCall<_onestorage_v1_ReceiveRequest__Output, _onestorage_v1_OperationEvent>;
  
}

export interface TransfersDefinition extends grpc.ServiceDefinition {
  Fetch: MethodDefinition<_onestorage_v1_FetchRequest, _onestorage_v1_FetchEvent, _onestorage_v1_FetchRequest__Output, _onestorage_v1_FetchEvent__Output>
  Open: MethodDefinition<_onestorage_v1_OpenExportRequest, _onestorage_v1_Ticket, _onestorage_v1_OpenExportRequest__Output, _onestorage_v1_Ticket__Output>
  Receive: MethodDefinition<_onestorage_v1_ReceiveRequest, _onestorage_v1_OperationEvent, _onestorage_v1_ReceiveRequest__Output, _onestorage_v1_OperationEvent__Output>
}

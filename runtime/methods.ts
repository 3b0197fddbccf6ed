import type { handleBidiStreamingCall, handleServerStreamingCall, handleUnaryCall } from '@grpc/grpc-js';
import type { Peer } from './identity/peer.ts';
import type { GeneratedHandlers, ServiceName } from './proto.ts';

export type { ServiceName };

/** What a handler knows of its call. */
export interface ServiceCall {
  readonly peer: Peer;
  /** Aborts when the caller has gone, its deadline has passed, or the service stops. */
  readonly signal: AbortSignal;
}

/** Resolves when the next message may be sent; rejects with `cancelled` when the caller has gone. */
export type Send<Message> = (message: Message) => Promise<void>;

export type UnaryHandler<Request, Response> = (request: Request, call: ServiceCall) => Promise<Response>;
export type StreamHandler<Request, Message> = (request: Request, call: ServiceCall, send: Send<Message>) => Promise<void>;
export type DuplexHandler<Request, Message> = (requests: AsyncIterable<Request>, call: ServiceCall, send: Send<Message>) => Promise<void>;

/** Method names of a service; the generated types also carry an index signature, which is left out. */
export type Methods<S extends ServiceName> = keyof {
  [K in keyof GeneratedHandlers[S] as string extends K ? never : number extends K ? never : K]: true;
} &
  string;

type HandlerFor<Generated> =
  Generated extends handleServerStreamingCall<infer Request, infer Message>
    ? StreamHandler<Request, Message>
    : Generated extends handleBidiStreamingCall<infer Request, infer Message>
      ? DuplexHandler<Request, Message>
      : Generated extends handleUnaryCall<infer Request, infer Response>
        ? UnaryHandler<Request, Response>
        : never;

/** The plain async functions that make up one service: `Implementation<'Disks'>`. */
export type Implementation<S extends ServiceName> = { readonly [M in Methods<S>]: HandlerFor<GeneratedHandlers[S][M]> };
export type Implementations = { readonly [S in ServiceName]?: Implementation<S> };

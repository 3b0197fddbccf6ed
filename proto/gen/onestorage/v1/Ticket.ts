// Original file: onestorage/v1/transfer.proto

import type { Long } from '@grpc/proto-loader';

/**
 * The right to fetch one source once.
 */
export interface Ticket {
  /**
   * Secret: never logged.
   */
  'capability'?: (string);
  /**
   * gRPC address of the source agent, host:port.
   */
  'address'?: (string);
  'hostName'?: (string);
  'machineId'?: (string);
  'expiresUnixMs'?: (number | string | Long);
}

/**
 * The right to fetch one source once.
 */
export interface Ticket__Output {
  /**
   * Secret: never logged.
   */
  'capability': (string);
  /**
   * gRPC address of the source agent, host:port.
   */
  'address': (string);
  'hostName': (string);
  'machineId': (string);
  'expiresUnixMs': (number);
}

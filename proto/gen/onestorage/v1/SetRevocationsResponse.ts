// Original file: onestorage/v1/identity.proto

import type { Long } from '@grpc/proto-loader';

export interface SetRevocationsResponse {
  /**
   * The list that the agent has now; an older one than it had is not taken.
   */
  'number'?: (number | string | Long);
}

export interface SetRevocationsResponse__Output {
  /**
   * The list that the agent has now; an older one than it had is not taken.
   */
  'number': (number);
}

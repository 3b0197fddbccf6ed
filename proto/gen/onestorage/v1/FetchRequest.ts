// Original file: onestorage/v1/transfer.proto

import type { Long } from '@grpc/proto-loader';

export interface FetchRequest {
  /**
   * In the first message; the second, empty one says that everything has arrived and was compared.
   */
  'capability'?: (string);
  'bytesPerSecond'?: (number | string | Long);
}

export interface FetchRequest__Output {
  /**
   * In the first message; the second, empty one says that everything has arrived and was compared.
   */
  'capability': (string);
  'bytesPerSecond': (number);
}

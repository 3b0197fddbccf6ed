// Original file: onestorage/v1/operation.proto

import type { Long } from '@grpc/proto-loader';

/**
 * What a successful operation found out; unset fields do not apply to it.
 */
export interface Result {
  'format'?: (string);
  'sizeBytes'?: (number | string | Long);
  'md5'?: (string);
}

/**
 * What a successful operation found out; unset fields do not apply to it.
 */
export interface Result__Output {
  'format': (string);
  'sizeBytes': (number);
  'md5': (string);
}

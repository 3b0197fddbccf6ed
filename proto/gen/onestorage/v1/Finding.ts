// Original file: onestorage/v1/inspection.proto

import type { Place as _onestorage_v1_Place, Place__Output as _onestorage_v1_Place__Output } from '../../onestorage/v1/Place.ts';
import type { Long } from '@grpc/proto-loader';

/**
 * Something that does not fit.
 */
export interface Finding {
  /**
   * temporary_file, dangling_link, broken_chain, missing_image, unknown_image, unknown_vm or unknown_file.
   */
  'problem'?: (string);
  'place'?: (_onestorage_v1_Place | null);
  /**
   * What and why, for a person.
   */
  'text'?: (string);
  'allocatedBytes'?: (number | string | Long);
  'modifiedUnixMs'?: (number | string | Long);
  /**
   * Nothing OpenNebula knows of needs it: it may be set aside.
   */
  'movable'?: (boolean);
}

/**
 * Something that does not fit.
 */
export interface Finding__Output {
  /**
   * temporary_file, dangling_link, broken_chain, missing_image, unknown_image, unknown_vm or unknown_file.
   */
  'problem': (string);
  'place': (_onestorage_v1_Place__Output | null);
  /**
   * What and why, for a person.
   */
  'text': (string);
  'allocatedBytes': (number);
  'modifiedUnixMs': (number);
  /**
   * Nothing OpenNebula knows of needs it: it may be set aside.
   */
  'movable': (boolean);
}

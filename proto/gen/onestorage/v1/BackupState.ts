// Original file: onestorage/v1/backup.proto

import type { BackupIncrement as _onestorage_v1_BackupIncrement, BackupIncrement__Output as _onestorage_v1_BackupIncrement__Output } from '../../onestorage/v1/BackupIncrement.ts';
import type { Long } from '@grpc/proto-loader';

export interface BackupState {
  'increment'?: (_onestorage_v1_BackupIncrement | null);
  /**
   * false: the repository does not have it.
   */
  'present'?: (boolean);
  'createdUnixMs'?: (number | string | Long);
  'sizeBytes'?: (number | string | Long);
  /**
   * What it was merged into; empty: nothing. A chain that still names it means that one.
   */
  'mergedInto'?: (string);
}

export interface BackupState__Output {
  'increment': (_onestorage_v1_BackupIncrement__Output | null);
  /**
   * false: the repository does not have it.
   */
  'present': (boolean);
  'createdUnixMs': (number);
  'sizeBytes': (number);
  /**
   * What it was merged into; empty: nothing. A chain that still names it means that one.
   */
  'mergedInto': (string);
}

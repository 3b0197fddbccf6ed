// Original file: onestorage/v1/operation.proto

import type { LogLine as _onestorage_v1_LogLine, LogLine__Output as _onestorage_v1_LogLine__Output } from '../../onestorage/v1/LogLine.ts';
import type { Progress as _onestorage_v1_Progress, Progress__Output as _onestorage_v1_Progress__Output } from '../../onestorage/v1/Progress.ts';
import type { Outcome as _onestorage_v1_Outcome, Outcome__Output as _onestorage_v1_Outcome__Output } from '../../onestorage/v1/Outcome.ts';

export interface OperationEvent {
  'log'?: (_onestorage_v1_LogLine | null);
  'progress'?: (_onestorage_v1_Progress | null);
  /**
   * The last one of a stream.
   */
  'outcome'?: (_onestorage_v1_Outcome | null);
  'event'?: "log"|"progress"|"outcome";
}

export interface OperationEvent__Output {
  'log'?: (_onestorage_v1_LogLine__Output | null);
  'progress'?: (_onestorage_v1_Progress__Output | null);
  /**
   * The last one of a stream.
   */
  'outcome'?: (_onestorage_v1_Outcome__Output | null);
  'event'?: "log"|"progress"|"outcome";
}

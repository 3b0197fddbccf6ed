// Original file: onestorage/v1/operation.proto

import type { Progress as _onestorage_v1_Progress, Progress__Output as _onestorage_v1_Progress__Output } from '../../onestorage/v1/Progress.ts';
import type { Figures as _onestorage_v1_Figures, Figures__Output as _onestorage_v1_Figures__Output } from '../../onestorage/v1/Figures.ts';
import type { Failure as _onestorage_v1_Failure, Failure__Output as _onestorage_v1_Failure__Output } from '../../onestorage/v1/Failure.ts';
import type { Long } from '@grpc/proto-loader';

export interface OperationRecord {
  'operationId'?: (string);
  /**
   * "disk.create"
   */
  'kind'?: (string);
  'subject'?: (string);
  /**
   * waiting, running, undoing, succeeded, failed or cancelled.
   */
  'state'?: (string);
  'attempt'?: (number);
  'committed'?: (boolean);
  'step'?: (string);
  'progress'?: (_onestorage_v1_Progress | null);
  'figures'?: (_onestorage_v1_Figures | null);
  'createdUnixMs'?: (number | string | Long);
  /**
   * 0: still running.
   */
  'finishedUnixMs'?: (number | string | Long);
  'failure'?: (_onestorage_v1_Failure | null);
}

export interface OperationRecord__Output {
  'operationId': (string);
  /**
   * "disk.create"
   */
  'kind': (string);
  'subject': (string);
  /**
   * waiting, running, undoing, succeeded, failed or cancelled.
   */
  'state': (string);
  'attempt': (number);
  'committed': (boolean);
  'step': (string);
  'progress': (_onestorage_v1_Progress__Output | null);
  'figures': (_onestorage_v1_Figures__Output | null);
  'createdUnixMs': (number);
  /**
   * 0: still running.
   */
  'finishedUnixMs': (number);
  'failure': (_onestorage_v1_Failure__Output | null);
}

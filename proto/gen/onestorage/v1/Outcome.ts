// Original file: onestorage/v1/operation.proto

import type { Result as _onestorage_v1_Result, Result__Output as _onestorage_v1_Result__Output } from '../../onestorage/v1/Result.ts';
import type { Failure as _onestorage_v1_Failure, Failure__Output as _onestorage_v1_Failure__Output } from '../../onestorage/v1/Failure.ts';
import type { Figures as _onestorage_v1_Figures, Figures__Output as _onestorage_v1_Figures__Output } from '../../onestorage/v1/Figures.ts';

export interface Outcome {
  'result'?: (_onestorage_v1_Result | null);
  'failure'?: (_onestorage_v1_Failure | null);
  'figures'?: (_onestorage_v1_Figures | null);
  'outcome'?: "result"|"failure";
}

export interface Outcome__Output {
  'result'?: (_onestorage_v1_Result__Output | null);
  'failure'?: (_onestorage_v1_Failure__Output | null);
  'figures': (_onestorage_v1_Figures__Output | null);
  'outcome'?: "result"|"failure";
}

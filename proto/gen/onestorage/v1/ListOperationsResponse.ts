// Original file: onestorage/v1/operation.proto

import type { OperationRecord as _onestorage_v1_OperationRecord, OperationRecord__Output as _onestorage_v1_OperationRecord__Output } from '../../onestorage/v1/OperationRecord.ts';

export interface ListOperationsResponse {
  'operations'?: (_onestorage_v1_OperationRecord)[];
}

export interface ListOperationsResponse__Output {
  'operations': (_onestorage_v1_OperationRecord__Output)[];
}

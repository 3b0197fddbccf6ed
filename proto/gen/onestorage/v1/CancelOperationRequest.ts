// Original file: onestorage/v1/operation.proto


export interface CancelOperationRequest {
  'operationId'?: (string);
  /**
   * Shown to whoever waits for it.
   */
  'reason'?: (string);
}

export interface CancelOperationRequest__Output {
  'operationId': (string);
  /**
   * Shown to whoever waits for it.
   */
  'reason': (string);
}

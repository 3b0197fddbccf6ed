// Original file: onestorage/v1/operation.proto


export interface ListOperationsRequest {
  /**
   * Finished ones too, newest first; else only those under way.
   */
  'all'?: (boolean);
  /**
   * 0: 100.
   */
  'limit'?: (number);
}

export interface ListOperationsRequest__Output {
  /**
   * Finished ones too, newest first; else only those under way.
   */
  'all': (boolean);
  /**
   * 0: 100.
   */
  'limit': (number);
}

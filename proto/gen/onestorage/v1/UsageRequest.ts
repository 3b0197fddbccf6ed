// Original file: onestorage/v1/host.proto


export interface UsageRequest {
  'datastoreId'?: (number);
  /**
   * Make the directory when it is missing (contract 2.1, monitor).
   */
  'create'?: (boolean);
}

export interface UsageRequest__Output {
  'datastoreId': (number);
  /**
   * Make the directory when it is missing (contract 2.1, monitor).
   */
  'create': (boolean);
}

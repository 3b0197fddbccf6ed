// Original file: onestorage/v1/host.proto


export interface UsageRequest {
  'datastoreId'?: (number);
  /**
   * Make the directory when it is missing (contract 2.1, monitor).
   */
  'create'?: (boolean);
  /**
   * Driver whose monitor_ds measures the datastore, written to its marker (contract 6.5); empty: the marker stays.
   */
  'monitor'?: (string);
}

export interface UsageRequest__Output {
  'datastoreId': (number);
  /**
   * Make the directory when it is missing (contract 2.1, monitor).
   */
  'create': (boolean);
  /**
   * Driver whose monitor_ds measures the datastore, written to its marker (contract 6.5); empty: the marker stays.
   */
  'monitor': (string);
}

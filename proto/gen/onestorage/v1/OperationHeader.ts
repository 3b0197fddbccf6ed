// Original file: onestorage/v1/operation.proto


/**
 * Stands first in every mutating request. The call is start and attach at once: made again with the same id it re-attaches
 * to the running operation, or returns the recorded outcome.
 */
export interface OperationHeader {
  /**
   * Unique; made by the controller from the shim's Idempotency-Key.
   */
  'operationId'?: (string);
  /**
   * What it is about, for a person: "disk 0 of VM 9".
   */
  'subject'?: (string);
}

/**
 * Stands first in every mutating request. The call is start and attach at once: made again with the same id it re-attaches
 * to the running operation, or returns the recorded outcome.
 */
export interface OperationHeader__Output {
  /**
   * Unique; made by the controller from the shim's Idempotency-Key.
   */
  'operationId': (string);
  /**
   * What it is about, for a person: "disk 0 of VM 9".
   */
  'subject': (string);
}

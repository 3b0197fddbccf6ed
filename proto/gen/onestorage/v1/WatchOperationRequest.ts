// Original file: onestorage/v1/operation.proto


export interface WatchOperationRequest {
  'operationId'?: (string);
}

export interface WatchOperationRequest__Output {
  'operationId': (string);
}

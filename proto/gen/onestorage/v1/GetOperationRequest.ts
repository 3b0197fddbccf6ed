// Original file: onestorage/v1/operation.proto


export interface GetOperationRequest {
  'operationId'?: (string);
}

export interface GetOperationRequest__Output {
  'operationId': (string);
}

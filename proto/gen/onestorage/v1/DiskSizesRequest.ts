// Original file: onestorage/v1/host.proto


export interface DiskSizesRequest {
  'datastoreId'?: (number);
}

export interface DiskSizesRequest__Output {
  'datastoreId': (number);
}

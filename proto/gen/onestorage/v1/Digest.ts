// Original file: onestorage/v1/transfer.proto


export interface Digest {
  'entry'?: (number);
  'digest'?: (string);
}

export interface Digest__Output {
  'entry': (number);
  'digest': (string);
}

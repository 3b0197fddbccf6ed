// Original file: onestorage/v1/identity.proto


export interface SetRevocationsRequest {
  /**
   * X.509 revocation list of the authority, PEM. The agent checks its signature: who brings it does not matter.
   */
  'list'?: (string);
}

export interface SetRevocationsRequest__Output {
  /**
   * X.509 revocation list of the authority, PEM. The agent checks its signature: who brings it does not matter.
   */
  'list': (string);
}

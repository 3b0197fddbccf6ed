// Original file: onestorage/v1/image.proto


export interface S3Credentials {
  'accessKeyId'?: (string);
  /**
   * Secret: never logged, never in an argument.
   */
  'secretAccessKey'?: (string);
  'region'?: (string);
  /**
   * Empty: AWS.
   */
  'endpoint'?: (string);
}

export interface S3Credentials__Output {
  'accessKeyId': (string);
  /**
   * Secret: never logged, never in an argument.
   */
  'secretAccessKey': (string);
  'region': (string);
  /**
   * Empty: AWS.
   */
  'endpoint': (string);
}

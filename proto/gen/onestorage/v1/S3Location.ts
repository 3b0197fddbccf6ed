// Original file: onestorage/v1/backup.proto


export interface S3Location {
  /**
   * http or https; empty: AWS.
   */
  'endpoint'?: (string);
  'bucket'?: (string);
  /**
   * Empty: us-east-1.
   */
  'region'?: (string);
  'accessKeyId'?: (string);
  /**
   * Secret: never logged, never in an argument.
   */
  'secretAccessKey'?: (string);
  /**
   * Bucket in the path, not in the host name.
   */
  'forcePathStyle'?: (boolean);
  'caCertificate'?: (string);
  'insecureTls'?: (boolean);
  /**
   * Prefix in the bucket: BASE_PATH of the datastore; empty: the bucket's top.
   */
  'prefix'?: (string);
}

export interface S3Location__Output {
  /**
   * http or https; empty: AWS.
   */
  'endpoint': (string);
  'bucket': (string);
  /**
   * Empty: us-east-1.
   */
  'region': (string);
  'accessKeyId': (string);
  /**
   * Secret: never logged, never in an argument.
   */
  'secretAccessKey': (string);
  /**
   * Bucket in the path, not in the host name.
   */
  'forcePathStyle': (boolean);
  'caCertificate': (string);
  'insecureTls': (boolean);
  /**
   * Prefix in the bucket: BASE_PATH of the datastore; empty: the bucket's top.
   */
  'prefix': (string);
}

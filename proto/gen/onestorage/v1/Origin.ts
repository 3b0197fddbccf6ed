// Original file: onestorage/v1/image.proto

import type { S3Credentials as _onestorage_v1_S3Credentials, S3Credentials__Output as _onestorage_v1_S3Credentials__Output } from '../../onestorage/v1/S3Credentials.ts';
import type { BackupOrigin as _onestorage_v1_BackupOrigin, BackupOrigin__Output as _onestorage_v1_BackupOrigin__Output } from '../../onestorage/v1/BackupOrigin.ts';
import type { Long } from '@grpc/proto-loader';

/**
 * Where an image comes from.
 */
export interface Origin {
  /**
   * A path on the agent's host, or a http, https or s3 address.
   */
  'path'?: (string);
  /**
   * Directories of SAFE_DIRS and RESTRICTED_DIRS of the datastore, by path component.
   */
  'safeDirs'?: (string)[];
  'restrictedDirs'?: (string)[];
  'noDecompress'?: (boolean);
  /**
   * Bytes per second; 0: no limit. For http, https and s3.
   */
  'bytesPerSecond'?: (number | string | Long);
  's3'?: (_onestorage_v1_S3Credentials | null);
  /**
   * A disk of a backup; path is then the pseudo-URL, for messages only.
   */
  'backup'?: (_onestorage_v1_BackupOrigin | null);
}

/**
 * Where an image comes from.
 */
export interface Origin__Output {
  /**
   * A path on the agent's host, or a http, https or s3 address.
   */
  'path': (string);
  /**
   * Directories of SAFE_DIRS and RESTRICTED_DIRS of the datastore, by path component.
   */
  'safeDirs': (string)[];
  'restrictedDirs': (string)[];
  'noDecompress': (boolean);
  /**
   * Bytes per second; 0: no limit. For http, https and s3.
   */
  'bytesPerSecond': (number);
  's3': (_onestorage_v1_S3Credentials__Output | null);
  /**
   * A disk of a backup; path is then the pseudo-URL, for messages only.
   */
  'backup': (_onestorage_v1_BackupOrigin__Output | null);
}

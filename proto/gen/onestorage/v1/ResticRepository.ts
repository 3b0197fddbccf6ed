// Original file: onestorage/v1/backup.proto

import type { LocalLocation as _onestorage_v1_LocalLocation, LocalLocation__Output as _onestorage_v1_LocalLocation__Output } from '../../onestorage/v1/LocalLocation.ts';
import type { SftpLocation as _onestorage_v1_SftpLocation, SftpLocation__Output as _onestorage_v1_SftpLocation__Output } from '../../onestorage/v1/SftpLocation.ts';
import type { RestLocation as _onestorage_v1_RestLocation, RestLocation__Output as _onestorage_v1_RestLocation__Output } from '../../onestorage/v1/RestLocation.ts';
import type { S3Location as _onestorage_v1_S3Location, S3Location__Output as _onestorage_v1_S3Location__Output } from '../../onestorage/v1/S3Location.ts';

export interface ResticRepository {
  'local'?: (_onestorage_v1_LocalLocation | null);
  'sftp'?: (_onestorage_v1_SftpLocation | null);
  'rest'?: (_onestorage_v1_RestLocation | null);
  's3'?: (_onestorage_v1_S3Location | null);
  /**
   * Secret: never logged, never in an argument.
   */
  'password'?: (string);
  /**
   * auto, off or max; empty: auto.
   */
  'compression'?: (string);
  /**
   * Connections to the repository; 0: 5.
   */
  'connections'?: (number);
  /**
   * RESTIC_PRUNE_MAX_REPACK and RESTIC_PRUNE_MAX_UNUSED, as restic takes them; empty: no limit, and 0.
   */
  'pruneMaxRepack'?: (string);
  'pruneMaxUnused'?: (string);
  'location'?: "local"|"sftp"|"rest"|"s3";
}

export interface ResticRepository__Output {
  'local'?: (_onestorage_v1_LocalLocation__Output | null);
  'sftp'?: (_onestorage_v1_SftpLocation__Output | null);
  'rest'?: (_onestorage_v1_RestLocation__Output | null);
  's3'?: (_onestorage_v1_S3Location__Output | null);
  /**
   * Secret: never logged, never in an argument.
   */
  'password': (string);
  /**
   * auto, off or max; empty: auto.
   */
  'compression': (string);
  /**
   * Connections to the repository; 0: 5.
   */
  'connections': (number);
  /**
   * RESTIC_PRUNE_MAX_REPACK and RESTIC_PRUNE_MAX_UNUSED, as restic takes them; empty: no limit, and 0.
   */
  'pruneMaxRepack': (string);
  'pruneMaxUnused': (string);
  'location'?: "local"|"sftp"|"rest"|"s3";
}

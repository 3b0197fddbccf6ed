// Original file: onestorage/v1/backup.proto

import type { Long } from '@grpc/proto-loader';

export interface BackupFile {
  /**
   * "0", or "tpm".
   */
  'diskId'?: (string);
  /**
   * As a pseudo-URL carries it: absolute, "/var/lib/one/datastores/0/7/backup/disk.0.2".
   */
  'path'?: (string);
  /**
   * Of the file.
   */
  'sizeBytes'?: (number | string | Long);
  /**
   * Of the disk, once restored; 0: not known without reading it, ask with disk_id.
   */
  'virtualSizeBytes'?: (number | string | Long);
  /**
   * A checksum was taken when the backup was made.
   */
  'checksumKnown'?: (boolean);
  /**
   * raw, or rbd for what a stock driver exported from Ceph.
   */
  'format'?: (string);
  /**
   * Positions in the chain that hold data of this disk: not 0 first when the disk was attached later.
   */
  'increments'?: (number)[];
}

export interface BackupFile__Output {
  /**
   * "0", or "tpm".
   */
  'diskId': (string);
  /**
   * As a pseudo-URL carries it: absolute, "/var/lib/one/datastores/0/7/backup/disk.0.2".
   */
  'path': (string);
  /**
   * Of the file.
   */
  'sizeBytes': (number);
  /**
   * Of the disk, once restored; 0: not known without reading it, ask with disk_id.
   */
  'virtualSizeBytes': (number);
  /**
   * A checksum was taken when the backup was made.
   */
  'checksumKnown': (boolean);
  /**
   * raw, or rbd for what a stock driver exported from Ceph.
   */
  'format': (string);
  /**
   * Positions in the chain that hold data of this disk: not 0 first when the disk was attached later.
   */
  'increments': (number)[];
}

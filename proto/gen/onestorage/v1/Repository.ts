// Original file: onestorage/v1/backup.proto

import type { ResticRepository as _onestorage_v1_ResticRepository, ResticRepository__Output as _onestorage_v1_ResticRepository__Output } from '../../onestorage/v1/ResticRepository.ts';
import type { RsyncRepository as _onestorage_v1_RsyncRepository, RsyncRepository__Output as _onestorage_v1_RsyncRepository__Output } from '../../onestorage/v1/RsyncRepository.ts';
import type { BackupLimits as _onestorage_v1_BackupLimits, BackupLimits__Output as _onestorage_v1_BackupLimits__Output } from '../../onestorage/v1/BackupLimits.ts';

/**
 * One repository of a backup datastore: what backups of one VM, or of one backup job, are kept in.
 */
export interface Repository {
  /**
   * Of the backup datastore.
   */
  'datastoreId'?: (number);
  /**
   * "7" for VM 7; restic, when a backup job made it: "job_12".
   */
  'directory'?: (string);
  'restic'?: (_onestorage_v1_ResticRepository | null);
  'rsync'?: (_onestorage_v1_RsyncRepository | null);
  'limits'?: (_onestorage_v1_BackupLimits | null);
  /**
   * Absolute, on the agent's host: what must be merged before it is stored (RESTIC_TMP_DIR, RSYNC_TMP_DIR); empty: /var/tmp.
   */
  'workDirectory'?: (string);
  'kind'?: "restic"|"rsync";
}

/**
 * One repository of a backup datastore: what backups of one VM, or of one backup job, are kept in.
 */
export interface Repository__Output {
  /**
   * Of the backup datastore.
   */
  'datastoreId': (number);
  /**
   * "7" for VM 7; restic, when a backup job made it: "job_12".
   */
  'directory': (string);
  'restic'?: (_onestorage_v1_ResticRepository__Output | null);
  'rsync'?: (_onestorage_v1_RsyncRepository__Output | null);
  'limits': (_onestorage_v1_BackupLimits__Output | null);
  /**
   * Absolute, on the agent's host: what must be merged before it is stored (RESTIC_TMP_DIR, RSYNC_TMP_DIR); empty: /var/tmp.
   */
  'workDirectory': (string);
  'kind'?: "restic"|"rsync";
}

// Original file: onestorage/v1/staging.proto

import type { OperationHeader as _onestorage_v1_OperationHeader, OperationHeader__Output as _onestorage_v1_OperationHeader__Output } from '../../onestorage/v1/OperationHeader.ts';
import type { Place as _onestorage_v1_Place, Place__Output as _onestorage_v1_Place__Output } from '../../onestorage/v1/Place.ts';
import type { StagedDisk as _onestorage_v1_StagedDisk, StagedDisk__Output as _onestorage_v1_StagedDisk__Output } from '../../onestorage/v1/StagedDisk.ts';
import type { BackupLimits as _onestorage_v1_BackupLimits, BackupLimits__Output as _onestorage_v1_BackupLimits__Output } from '../../onestorage/v1/BackupLimits.ts';
import type { Long } from '@grpc/proto-loader';

export interface StageRequest {
  'operation'?: (_onestorage_v1_OperationHeader | null);
  /**
   * Of the VM; what is staged lies in `backup` below it, or where the agent's configuration says.
   */
  'directory'?: (_onestorage_v1_Place | null);
  'disks'?: (_onestorage_v1_StagedDisk)[];
  /**
   * Name or UUID of the running domain; empty: the VM is off.
   */
  'domain'?: (string);
  'vmId'?: (number);
  /**
   * Number of this backup in its chain. 0: everything. Above: what changed since the one before.
   */
  'incrementId'?: (number);
  /**
   * How the next increment will know what changed: none (a backup that stands alone) or bitmap.
   */
  'tracking'?: (string);
  /**
   * none, agent or suspend: how the guest is held for the moment of the backup.
   */
  'quiet'?: (string);
  /**
   * The <VM> document; it becomes vm.xml.
   */
  'document'?: (string);
  'tpm'?: (boolean);
  /**
   * 0: no limit. The only limit that the copy of a running guest can have.
   */
  'bytesPerSecond'?: (number | string | Long);
  /**
   * Of the backup datastore, for the programs that copy the disks of a VM that is off; its bytes_per_second counts in the field above.
   */
  'limits'?: (_onestorage_v1_BackupLimits | null);
}

export interface StageRequest__Output {
  'operation': (_onestorage_v1_OperationHeader__Output | null);
  /**
   * Of the VM; what is staged lies in `backup` below it, or where the agent's configuration says.
   */
  'directory': (_onestorage_v1_Place__Output | null);
  'disks': (_onestorage_v1_StagedDisk__Output)[];
  /**
   * Name or UUID of the running domain; empty: the VM is off.
   */
  'domain': (string);
  'vmId': (number);
  /**
   * Number of this backup in its chain. 0: everything. Above: what changed since the one before.
   */
  'incrementId': (number);
  /**
   * How the next increment will know what changed: none (a backup that stands alone) or bitmap.
   */
  'tracking': (string);
  /**
   * none, agent or suspend: how the guest is held for the moment of the backup.
   */
  'quiet': (string);
  /**
   * The <VM> document; it becomes vm.xml.
   */
  'document': (string);
  'tpm': (boolean);
  /**
   * 0: no limit. The only limit that the copy of a running guest can have.
   */
  'bytesPerSecond': (number);
  /**
   * Of the backup datastore, for the programs that copy the disks of a VM that is off; its bytes_per_second counts in the field above.
   */
  'limits': (_onestorage_v1_BackupLimits__Output | null);
}

// Original file: onestorage/v1/live.proto

import type { OperationHeader as _onestorage_v1_OperationHeader, OperationHeader__Output as _onestorage_v1_OperationHeader__Output } from '../../onestorage/v1/OperationHeader.ts';
import type { Place as _onestorage_v1_Place, Place__Output as _onestorage_v1_Place__Output } from '../../onestorage/v1/Place.ts';

/**
 * The directory of a VM that is migrated while it runs.
 */
export interface GuestDirectoryRequest {
  'operation'?: (_onestorage_v1_OperationHeader | null);
  'directory'?: (_onestorage_v1_Place | null);
  /**
   * Name or UUID of the domain in libvirt: DEPLOY_ID of the VM.
   */
  'domain'?: (string);
}

/**
 * The directory of a VM that is migrated while it runs.
 */
export interface GuestDirectoryRequest__Output {
  'operation': (_onestorage_v1_OperationHeader__Output | null);
  'directory': (_onestorage_v1_Place__Output | null);
  /**
   * Name or UUID of the domain in libvirt: DEPLOY_ID of the VM.
   */
  'domain': (string);
}

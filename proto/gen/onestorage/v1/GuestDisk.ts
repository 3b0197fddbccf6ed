// Original file: onestorage/v1/live.proto

import type { Place as _onestorage_v1_Place, Place__Output as _onestorage_v1_Place__Output } from '../../onestorage/v1/Place.ts';

/**
 * A disk of a running guest.
 */
export interface GuestDisk {
  'place'?: (_onestorage_v1_Place | null);
  /**
   * raw or qcow2: as OpenNebula has it.
   */
  'format'?: (string);
  /**
   * Name or UUID of the domain in libvirt: DEPLOY_ID of the VM.
   */
  'domain'?: (string);
}

/**
 * A disk of a running guest.
 */
export interface GuestDisk__Output {
  'place': (_onestorage_v1_Place__Output | null);
  /**
   * raw or qcow2: as OpenNebula has it.
   */
  'format': (string);
  /**
   * Name or UUID of the domain in libvirt: DEPLOY_ID of the VM.
   */
  'domain': (string);
}

// Original file: onestorage/v1/transfer.proto

import type { Place as _onestorage_v1_Place, Place__Output as _onestorage_v1_Place__Output } from '../../onestorage/v1/Place.ts';

export interface OpenExportRequest {
  /**
   * Of the operation that will receive; binds the capability.
   */
  'operationId'?: (string);
  /**
   * A disk with its .snap, an image with its .snap, a VM directory, or a single file.
   */
  'source'?: (_onestorage_v1_Place | null);
  /**
   * Only the content of this snapshot, flattened; unset: everything.
   */
  'snapshotId'?: (number);
  /**
   * raw or qcow2 of the disk; empty for directories and opaque files.
   */
  'format'?: (string);
  /**
   * Machine id of the one agent that may fetch.
   */
  'receiverMachineId'?: (string);
  /**
   * The current content as one file without snapshots (save-as).
   */
  'flat'?: (boolean);
  /**
   * The directory of this running domain: what it writes to comes as empty images, for the hypervisor to fill.
   */
  'domain'?: (string);
  '_snapshotId'?: "snapshotId";
}

export interface OpenExportRequest__Output {
  /**
   * Of the operation that will receive; binds the capability.
   */
  'operationId': (string);
  /**
   * A disk with its .snap, an image with its .snap, a VM directory, or a single file.
   */
  'source': (_onestorage_v1_Place__Output | null);
  /**
   * Only the content of this snapshot, flattened; unset: everything.
   */
  'snapshotId'?: (number);
  /**
   * raw or qcow2 of the disk; empty for directories and opaque files.
   */
  'format': (string);
  /**
   * Machine id of the one agent that may fetch.
   */
  'receiverMachineId': (string);
  /**
   * The current content as one file without snapshots (save-as).
   */
  'flat': (boolean);
  /**
   * The directory of this running domain: what it writes to comes as empty images, for the hypervisor to fill.
   */
  'domain': (string);
  '_snapshotId'?: "snapshotId";
}

// Original file: onestorage/v1/inspection.proto

import type { Place as _onestorage_v1_Place, Place__Output as _onestorage_v1_Place__Output } from '../../onestorage/v1/Place.ts';
import type { Long } from '@grpc/proto-loader';

/**
 * Something that does not fit.
 */
export interface Finding {
  /**
   * temporary_file: an operation that has ended left it behind.
   * dangling_link, broken_chain: a disk or an image that cannot be opened.
   * missing_image, missing_vm: OpenNebula has it here, the datastore has not.
   * unknown_image, unknown_vm, unknown_file: OpenNebula knows of nothing that owns it.
   * left_behind_vm: the directory of a virtual machine that is on another host.
   * unended_migration, unended_backup: what an action on a running VM left in its directory; right while the VM is migrated or backed up.
   */
  'problem'?: (string);
  'place'?: (_onestorage_v1_Place | null);
  /**
   * What and why, for a person.
   */
  'text'?: (string);
  'allocatedBytes'?: (number | string | Long);
  'modifiedUnixMs'?: (number | string | Long);
  /**
   * Nothing OpenNebula knows of needs it: it may be set aside.
   */
  'movable'?: (boolean);
}

/**
 * Something that does not fit.
 */
export interface Finding__Output {
  /**
   * temporary_file: an operation that has ended left it behind.
   * dangling_link, broken_chain: a disk or an image that cannot be opened.
   * missing_image, missing_vm: OpenNebula has it here, the datastore has not.
   * unknown_image, unknown_vm, unknown_file: OpenNebula knows of nothing that owns it.
   * left_behind_vm: the directory of a virtual machine that is on another host.
   * unended_migration, unended_backup: what an action on a running VM left in its directory; right while the VM is migrated or backed up.
   */
  'problem': (string);
  'place': (_onestorage_v1_Place__Output | null);
  /**
   * What and why, for a person.
   */
  'text': (string);
  'allocatedBytes': (number);
  'modifiedUnixMs': (number);
  /**
   * Nothing OpenNebula knows of needs it: it may be set aside.
   */
  'movable': (boolean);
}

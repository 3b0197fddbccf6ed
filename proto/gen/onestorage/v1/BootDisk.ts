// Original file: onestorage/v1/backup.proto


export interface BootDisk {
  'diskId'?: (number);
  /**
   * virtio, scsi or ide.
   */
  'bus'?: (string);
}

export interface BootDisk__Output {
  'diskId': (number);
  /**
   * virtio, scsi or ide.
   */
  'bus': (string);
}

// Original file: onestorage/v1/staging.proto


export interface StagedDisk {
  'diskId'?: (number);
  /**
   * raw or qcow2: as OpenNebula has it.
   */
  'format'?: (string);
}

export interface StagedDisk__Output {
  'diskId': (number);
  /**
   * raw or qcow2: as OpenNebula has it.
   */
  'format': (string);
}

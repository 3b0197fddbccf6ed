// Original file: onestorage/v1/host.proto


export interface DescribeHostResponse {
  'hostName'?: (string);
  'machineId'?: (string);
  /**
   * Of onestorage.
   */
  'version'?: (string);
  /**
   * Programs found, "qemu-img 7.2.9".
   */
  'programs'?: (string)[];
  /**
   * Directory that holds the datastores on this host.
   */
  'datastores'?: (string);
  /**
   * Kinds of operations that it knows, "disk.create".
   */
  'capabilities'?: (string)[];
  /**
   * Methods and fields of messages that it understands, "Disks/Create", "CreateDiskRequest.preallocate": a caller of a newer version looks
   * before it begins what this one would leave out. Empty when it is not asked for.
   */
  'wire'?: (string)[];
}

export interface DescribeHostResponse__Output {
  'hostName': (string);
  'machineId': (string);
  /**
   * Of onestorage.
   */
  'version': (string);
  /**
   * Programs found, "qemu-img 7.2.9".
   */
  'programs': (string)[];
  /**
   * Directory that holds the datastores on this host.
   */
  'datastores': (string);
  /**
   * Kinds of operations that it knows, "disk.create".
   */
  'capabilities': (string)[];
  /**
   * Methods and fields of messages that it understands, "Disks/Create", "CreateDiskRequest.preallocate": a caller of a newer version looks
   * before it begins what this one would leave out. Empty when it is not asked for.
   */
  'wire': (string)[];
}

// Original file: onestorage/v1/host.proto


export interface DescribeHostRequest {
  /**
   * Without the versions of programs: the first time, each of those takes a process.
   */
  'brief'?: (boolean);
  /**
   * With what it understands.
   */
  'wire'?: (boolean);
}

export interface DescribeHostRequest__Output {
  /**
   * Without the versions of programs: the first time, each of those takes a process.
   */
  'brief': (boolean);
  /**
   * With what it understands.
   */
  'wire': (boolean);
}

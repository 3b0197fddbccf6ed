// Original file: onestorage/v1/inspection.proto


export interface InspectRequest {
  'datastoreId'?: (number);
  /**
   * image or system.
   */
  'kind'?: (string);
  /**
   * What OpenNebula has in it: names of images ("1a394a80…"), or ids of virtual machines ("9").
   */
  'known'?: (string)[];
}

export interface InspectRequest__Output {
  'datastoreId': (number);
  /**
   * image or system.
   */
  'kind': (string);
  /**
   * What OpenNebula has in it: names of images ("1a394a80…"), or ids of virtual machines ("9").
   */
  'known': (string)[];
}

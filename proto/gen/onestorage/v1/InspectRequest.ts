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
  /**
   * Ids of virtual machines that OpenNebula has on another host, or in another datastore, and that rest there.
   */
  'elsewhere'?: (string)[];
  /**
   * Ids of virtual machines that are on their way, or of which nobody can say where they are: what is here of them must stay.
   */
  'moving'?: (string)[];
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
  /**
   * Ids of virtual machines that OpenNebula has on another host, or in another datastore, and that rest there.
   */
  'elsewhere': (string)[];
  /**
   * Ids of virtual machines that are on their way, or of which nobody can say where they are: what is here of them must stay.
   */
  'moving': (string)[];
}

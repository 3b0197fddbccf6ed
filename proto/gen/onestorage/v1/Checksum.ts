// Original file: onestorage/v1/image.proto


export interface Checksum {
  /**
   * md5, sha1, sha256 or sha512, of the bytes at the origin before decompression (contract 5.4).
   */
  'algorithm'?: (string);
  'hex'?: (string);
}

export interface Checksum__Output {
  /**
   * md5, sha1, sha256 or sha512, of the bytes at the origin before decompression (contract 5.4).
   */
  'algorithm': (string);
  'hex': (string);
}

// Original file: onestorage/v1/transfer.proto

import type { Long } from '@grpc/proto-loader';

export interface ManifestEntry {
  /**
   * Relative to the source's directory: "disk.0", "disk.0.snap/1".
   */
  'path'?: (string);
  /**
   * file, directory, link or image: one that is to be made, empty.
   */
  'type'?: (string);
  'mode'?: (number);
  /**
   * Of a file: apparent and allocated.
   */
  'sizeBytes'?: (number | string | Long);
  'allocatedBytes'?: (number | string | Long);
  /**
   * Of a link: what it points at.
   */
  'link'?: (string);
  /**
   * Of a small file: its content, instead of an export.
   */
  'content'?: (Buffer | Uint8Array | string);
  'modifiedUnixMs'?: (number | string | Long);
  /**
   * Of a file: differs when the file was changed or replaced. Only to be compared.
   */
  'version'?: (string);
  /**
   * Of an image: raw or qcow2, and the name of its backing file.
   */
  'format'?: (string);
  'backing'?: (string);
  '_content'?: "content";
}

export interface ManifestEntry__Output {
  /**
   * Relative to the source's directory: "disk.0", "disk.0.snap/1".
   */
  'path': (string);
  /**
   * file, directory, link or image: one that is to be made, empty.
   */
  'type': (string);
  'mode': (number);
  /**
   * Of a file: apparent and allocated.
   */
  'sizeBytes': (number);
  'allocatedBytes': (number);
  /**
   * Of a link: what it points at.
   */
  'link': (string);
  /**
   * Of a small file: its content, instead of an export.
   */
  'content'?: (Buffer);
  'modifiedUnixMs': (number);
  /**
   * Of a file: differs when the file was changed or replaced. Only to be compared.
   */
  'version': (string);
  /**
   * Of an image: raw or qcow2, and the name of its backing file.
   */
  'format': (string);
  'backing': (string);
  '_content'?: "content";
}

// Original file: onestorage/v1/transfer.proto

import type { Manifest as _onestorage_v1_Manifest, Manifest__Output as _onestorage_v1_Manifest__Output } from '../../onestorage/v1/Manifest.ts';
import type { Export as _onestorage_v1_Export, Export__Output as _onestorage_v1_Export__Output } from '../../onestorage/v1/Export.ts';
import type { Digest as _onestorage_v1_Digest, Digest__Output as _onestorage_v1_Digest__Output } from '../../onestorage/v1/Digest.ts';

export interface FetchEvent {
  'manifest'?: (_onestorage_v1_Manifest | null);
  'export'?: (_onestorage_v1_Export | null);
  'digest'?: (_onestorage_v1_Digest | null);
  'event'?: "manifest"|"export"|"digest";
}

export interface FetchEvent__Output {
  'manifest'?: (_onestorage_v1_Manifest__Output | null);
  'export'?: (_onestorage_v1_Export__Output | null);
  'digest'?: (_onestorage_v1_Digest__Output | null);
  'event'?: "manifest"|"export"|"digest";
}

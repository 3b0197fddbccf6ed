// Original file: onestorage/v1/transfer.proto

import type { ManifestEntry as _onestorage_v1_ManifestEntry, ManifestEntry__Output as _onestorage_v1_ManifestEntry__Output } from '../../onestorage/v1/ManifestEntry.ts';

export interface Manifest {
  'entries'?: (_onestorage_v1_ManifestEntry)[];
}

export interface Manifest__Output {
  'entries': (_onestorage_v1_ManifestEntry__Output)[];
}

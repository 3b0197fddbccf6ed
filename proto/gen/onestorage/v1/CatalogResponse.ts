// Original file: onestorage/v1/backup.proto

import type { CatalogEntry as _onestorage_v1_CatalogEntry, CatalogEntry__Output as _onestorage_v1_CatalogEntry__Output } from '../../onestorage/v1/CatalogEntry.ts';

export interface CatalogResponse {
  /**
   * Oldest first. Empty: the repository does not exist yet, or holds nothing.
   */
  'entries'?: (_onestorage_v1_CatalogEntry)[];
}

export interface CatalogResponse__Output {
  /**
   * Oldest first. Empty: the repository does not exist yet, or holds nothing.
   */
  'entries': (_onestorage_v1_CatalogEntry__Output)[];
}

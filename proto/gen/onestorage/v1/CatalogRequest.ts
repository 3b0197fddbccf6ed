// Original file: onestorage/v1/backup.proto

import type { Repository as _onestorage_v1_Repository, Repository__Output as _onestorage_v1_Repository__Output } from '../../onestorage/v1/Repository.ts';

export interface CatalogRequest {
  'repository'?: (_onestorage_v1_Repository | null);
}

export interface CatalogRequest__Output {
  'repository': (_onestorage_v1_Repository__Output | null);
}

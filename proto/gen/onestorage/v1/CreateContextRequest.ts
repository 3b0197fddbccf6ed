// Original file: onestorage/v1/disk.proto

import type { OperationHeader as _onestorage_v1_OperationHeader, OperationHeader__Output as _onestorage_v1_OperationHeader__Output } from '../../onestorage/v1/OperationHeader.ts';
import type { ContextFile as _onestorage_v1_ContextFile, ContextFile__Output as _onestorage_v1_ContextFile__Output } from '../../onestorage/v1/ContextFile.ts';
import type { Place as _onestorage_v1_Place, Place__Output as _onestorage_v1_Place__Output } from '../../onestorage/v1/Place.ts';

export interface CreateContextRequest {
  'operation'?: (_onestorage_v1_OperationHeader | null);
  'files'?: (_onestorage_v1_ContextFile)[];
  /**
   * A work place on the agent's own host: ".isofiles/<name>" in the layout of contract 2.2.
   */
  'target'?: (_onestorage_v1_Place | null);
}

export interface CreateContextRequest__Output {
  'operation': (_onestorage_v1_OperationHeader__Output | null);
  'files': (_onestorage_v1_ContextFile__Output)[];
  /**
   * A work place on the agent's own host: ".isofiles/<name>" in the layout of contract 2.2.
   */
  'target': (_onestorage_v1_Place__Output | null);
}

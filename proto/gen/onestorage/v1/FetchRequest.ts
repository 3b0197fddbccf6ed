// Original file: onestorage/v1/transfer.proto

import type { BeginFetch as _onestorage_v1_BeginFetch, BeginFetch__Output as _onestorage_v1_BeginFetch__Output } from '../../onestorage/v1/BeginFetch.ts';

/**
 * The receiver leads: begin, then want and done for each file that is not inline, then finished.
 */
export interface FetchRequest {
  'begin'?: (_onestorage_v1_BeginFetch | null);
  /**
   * Index into the manifest: open an export of this file. Asked again, the export is opened anew.
   */
  'want'?: (number);
  /**
   * The file has arrived and was compared; its export is closed.
   */
  'done'?: (number);
  /**
   * Everything has arrived. The source ends the stream: OK when nothing changed while it was copied.
   */
  'finished'?: (boolean);
  'request'?: "begin"|"want"|"done"|"finished";
}

/**
 * The receiver leads: begin, then want and done for each file that is not inline, then finished.
 */
export interface FetchRequest__Output {
  'begin'?: (_onestorage_v1_BeginFetch__Output | null);
  /**
   * Index into the manifest: open an export of this file. Asked again, the export is opened anew.
   */
  'want'?: (number);
  /**
   * The file has arrived and was compared; its export is closed.
   */
  'done'?: (number);
  /**
   * Everything has arrived. The source ends the stream: OK when nothing changed while it was copied.
   */
  'finished'?: (boolean);
  'request'?: "begin"|"want"|"done"|"finished";
}

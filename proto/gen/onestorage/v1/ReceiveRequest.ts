// Original file: onestorage/v1/transfer.proto

import type { OperationHeader as _onestorage_v1_OperationHeader, OperationHeader__Output as _onestorage_v1_OperationHeader__Output } from '../../onestorage/v1/OperationHeader.ts';
import type { Ticket as _onestorage_v1_Ticket, Ticket__Output as _onestorage_v1_Ticket__Output } from '../../onestorage/v1/Ticket.ts';
import type { OpenExportRequest as _onestorage_v1_OpenExportRequest, OpenExportRequest__Output as _onestorage_v1_OpenExportRequest__Output } from '../../onestorage/v1/OpenExportRequest.ts';
import type { ReceiveDisk as _onestorage_v1_ReceiveDisk, ReceiveDisk__Output as _onestorage_v1_ReceiveDisk__Output } from '../../onestorage/v1/ReceiveDisk.ts';
import type { ReceiveImage as _onestorage_v1_ReceiveImage, ReceiveImage__Output as _onestorage_v1_ReceiveImage__Output } from '../../onestorage/v1/ReceiveImage.ts';
import type { ReceiveDirectory as _onestorage_v1_ReceiveDirectory, ReceiveDirectory__Output as _onestorage_v1_ReceiveDirectory__Output } from '../../onestorage/v1/ReceiveDirectory.ts';
import type { Long } from '@grpc/proto-loader';

export interface ReceiveRequest {
  'operation'?: (_onestorage_v1_OperationHeader | null);
  'ticket'?: (_onestorage_v1_Ticket | null);
  /**
   * What was opened; used directly when source and target are one host.
   */
  'source'?: (_onestorage_v1_OpenExportRequest | null);
  /**
   * clone, ln, context: becomes a VM's disk.
   */
  'disk'?: (_onestorage_v1_ReceiveDisk | null);
  /**
   * mvds, cpds: replaces an image.
   */
  'image'?: (_onestorage_v1_ReceiveImage | null);
  /**
   * mv: a whole VM directory.
   */
  'directory'?: (_onestorage_v1_ReceiveDirectory | null);
  /**
   * Bytes per second; 0: no limit.
   */
  'bytesPerSecond'?: (number | string | Long);
  /**
   * premigrate: the directory of a VM that runs.
   */
  'guest'?: (_onestorage_v1_ReceiveDirectory | null);
  'target'?: "disk"|"image"|"directory"|"guest";
}

export interface ReceiveRequest__Output {
  'operation': (_onestorage_v1_OperationHeader__Output | null);
  'ticket': (_onestorage_v1_Ticket__Output | null);
  /**
   * What was opened; used directly when source and target are one host.
   */
  'source': (_onestorage_v1_OpenExportRequest__Output | null);
  /**
   * clone, ln, context: becomes a VM's disk.
   */
  'disk'?: (_onestorage_v1_ReceiveDisk__Output | null);
  /**
   * mvds, cpds: replaces an image.
   */
  'image'?: (_onestorage_v1_ReceiveImage__Output | null);
  /**
   * mv: a whole VM directory.
   */
  'directory'?: (_onestorage_v1_ReceiveDirectory__Output | null);
  /**
   * Bytes per second; 0: no limit.
   */
  'bytesPerSecond': (number);
  /**
   * premigrate: the directory of a VM that runs.
   */
  'guest'?: (_onestorage_v1_ReceiveDirectory__Output | null);
  'target'?: "disk"|"image"|"directory"|"guest";
}

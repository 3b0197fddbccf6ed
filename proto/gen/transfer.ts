import type * as grpc from '@grpc/grpc-js';
import type { MessageTypeDefinition } from '@grpc/proto-loader';

import type { BackupIncrement as _onestorage_v1_BackupIncrement, BackupIncrement__Output as _onestorage_v1_BackupIncrement__Output } from './onestorage/v1/BackupIncrement.ts';
import type { BeginFetch as _onestorage_v1_BeginFetch, BeginFetch__Output as _onestorage_v1_BeginFetch__Output } from './onestorage/v1/BeginFetch.ts';
import type { CancelOperationRequest as _onestorage_v1_CancelOperationRequest, CancelOperationRequest__Output as _onestorage_v1_CancelOperationRequest__Output } from './onestorage/v1/CancelOperationRequest.ts';
import type { CancelOperationResponse as _onestorage_v1_CancelOperationResponse, CancelOperationResponse__Output as _onestorage_v1_CancelOperationResponse__Output } from './onestorage/v1/CancelOperationResponse.ts';
import type { Digest as _onestorage_v1_Digest, Digest__Output as _onestorage_v1_Digest__Output } from './onestorage/v1/Digest.ts';
import type { Export as _onestorage_v1_Export, Export__Output as _onestorage_v1_Export__Output } from './onestorage/v1/Export.ts';
import type { Failure as _onestorage_v1_Failure, Failure__Output as _onestorage_v1_Failure__Output } from './onestorage/v1/Failure.ts';
import type { FetchEvent as _onestorage_v1_FetchEvent, FetchEvent__Output as _onestorage_v1_FetchEvent__Output } from './onestorage/v1/FetchEvent.ts';
import type { FetchRequest as _onestorage_v1_FetchRequest, FetchRequest__Output as _onestorage_v1_FetchRequest__Output } from './onestorage/v1/FetchRequest.ts';
import type { Figures as _onestorage_v1_Figures, Figures__Output as _onestorage_v1_Figures__Output } from './onestorage/v1/Figures.ts';
import type { GetOperationRequest as _onestorage_v1_GetOperationRequest, GetOperationRequest__Output as _onestorage_v1_GetOperationRequest__Output } from './onestorage/v1/GetOperationRequest.ts';
import type { ListOperationsRequest as _onestorage_v1_ListOperationsRequest, ListOperationsRequest__Output as _onestorage_v1_ListOperationsRequest__Output } from './onestorage/v1/ListOperationsRequest.ts';
import type { ListOperationsResponse as _onestorage_v1_ListOperationsResponse, ListOperationsResponse__Output as _onestorage_v1_ListOperationsResponse__Output } from './onestorage/v1/ListOperationsResponse.ts';
import type { LogLine as _onestorage_v1_LogLine, LogLine__Output as _onestorage_v1_LogLine__Output } from './onestorage/v1/LogLine.ts';
import type { Manifest as _onestorage_v1_Manifest, Manifest__Output as _onestorage_v1_Manifest__Output } from './onestorage/v1/Manifest.ts';
import type { ManifestEntry as _onestorage_v1_ManifestEntry, ManifestEntry__Output as _onestorage_v1_ManifestEntry__Output } from './onestorage/v1/ManifestEntry.ts';
import type { OpenExportRequest as _onestorage_v1_OpenExportRequest, OpenExportRequest__Output as _onestorage_v1_OpenExportRequest__Output } from './onestorage/v1/OpenExportRequest.ts';
import type { OperationEvent as _onestorage_v1_OperationEvent, OperationEvent__Output as _onestorage_v1_OperationEvent__Output } from './onestorage/v1/OperationEvent.ts';
import type { OperationHeader as _onestorage_v1_OperationHeader, OperationHeader__Output as _onestorage_v1_OperationHeader__Output } from './onestorage/v1/OperationHeader.ts';
import type { OperationRecord as _onestorage_v1_OperationRecord, OperationRecord__Output as _onestorage_v1_OperationRecord__Output } from './onestorage/v1/OperationRecord.ts';
import type { OperationsClient as _onestorage_v1_OperationsClient, OperationsDefinition as _onestorage_v1_OperationsDefinition } from './onestorage/v1/Operations.ts';
import type { Outcome as _onestorage_v1_Outcome, Outcome__Output as _onestorage_v1_Outcome__Output } from './onestorage/v1/Outcome.ts';
import type { Place as _onestorage_v1_Place, Place__Output as _onestorage_v1_Place__Output } from './onestorage/v1/Place.ts';
import type { Progress as _onestorage_v1_Progress, Progress__Output as _onestorage_v1_Progress__Output } from './onestorage/v1/Progress.ts';
import type { ReceiveDirectory as _onestorage_v1_ReceiveDirectory, ReceiveDirectory__Output as _onestorage_v1_ReceiveDirectory__Output } from './onestorage/v1/ReceiveDirectory.ts';
import type { ReceiveDisk as _onestorage_v1_ReceiveDisk, ReceiveDisk__Output as _onestorage_v1_ReceiveDisk__Output } from './onestorage/v1/ReceiveDisk.ts';
import type { ReceiveImage as _onestorage_v1_ReceiveImage, ReceiveImage__Output as _onestorage_v1_ReceiveImage__Output } from './onestorage/v1/ReceiveImage.ts';
import type { ReceiveRequest as _onestorage_v1_ReceiveRequest, ReceiveRequest__Output as _onestorage_v1_ReceiveRequest__Output } from './onestorage/v1/ReceiveRequest.ts';
import type { Result as _onestorage_v1_Result, Result__Output as _onestorage_v1_Result__Output } from './onestorage/v1/Result.ts';
import type { Ticket as _onestorage_v1_Ticket, Ticket__Output as _onestorage_v1_Ticket__Output } from './onestorage/v1/Ticket.ts';
import type { TransfersClient as _onestorage_v1_TransfersClient, TransfersDefinition as _onestorage_v1_TransfersDefinition } from './onestorage/v1/Transfers.ts';
import type { WatchOperationRequest as _onestorage_v1_WatchOperationRequest, WatchOperationRequest__Output as _onestorage_v1_WatchOperationRequest__Output } from './onestorage/v1/WatchOperationRequest.ts';

type SubtypeConstructor<Constructor extends new (...args: any) => any, Subtype> = {
  new(...args: ConstructorParameters<Constructor>): Subtype;
};

export interface ProtoGrpcType {
  onestorage: {
    v1: {
      BackupIncrement: MessageTypeDefinition<_onestorage_v1_BackupIncrement, _onestorage_v1_BackupIncrement__Output>
      BeginFetch: MessageTypeDefinition<_onestorage_v1_BeginFetch, _onestorage_v1_BeginFetch__Output>
      CancelOperationRequest: MessageTypeDefinition<_onestorage_v1_CancelOperationRequest, _onestorage_v1_CancelOperationRequest__Output>
      CancelOperationResponse: MessageTypeDefinition<_onestorage_v1_CancelOperationResponse, _onestorage_v1_CancelOperationResponse__Output>
      Digest: MessageTypeDefinition<_onestorage_v1_Digest, _onestorage_v1_Digest__Output>
      Export: MessageTypeDefinition<_onestorage_v1_Export, _onestorage_v1_Export__Output>
      Failure: MessageTypeDefinition<_onestorage_v1_Failure, _onestorage_v1_Failure__Output>
      FetchEvent: MessageTypeDefinition<_onestorage_v1_FetchEvent, _onestorage_v1_FetchEvent__Output>
      FetchRequest: MessageTypeDefinition<_onestorage_v1_FetchRequest, _onestorage_v1_FetchRequest__Output>
      Figures: MessageTypeDefinition<_onestorage_v1_Figures, _onestorage_v1_Figures__Output>
      GetOperationRequest: MessageTypeDefinition<_onestorage_v1_GetOperationRequest, _onestorage_v1_GetOperationRequest__Output>
      ListOperationsRequest: MessageTypeDefinition<_onestorage_v1_ListOperationsRequest, _onestorage_v1_ListOperationsRequest__Output>
      ListOperationsResponse: MessageTypeDefinition<_onestorage_v1_ListOperationsResponse, _onestorage_v1_ListOperationsResponse__Output>
      LogLine: MessageTypeDefinition<_onestorage_v1_LogLine, _onestorage_v1_LogLine__Output>
      Manifest: MessageTypeDefinition<_onestorage_v1_Manifest, _onestorage_v1_Manifest__Output>
      ManifestEntry: MessageTypeDefinition<_onestorage_v1_ManifestEntry, _onestorage_v1_ManifestEntry__Output>
      OpenExportRequest: MessageTypeDefinition<_onestorage_v1_OpenExportRequest, _onestorage_v1_OpenExportRequest__Output>
      OperationEvent: MessageTypeDefinition<_onestorage_v1_OperationEvent, _onestorage_v1_OperationEvent__Output>
      OperationHeader: MessageTypeDefinition<_onestorage_v1_OperationHeader, _onestorage_v1_OperationHeader__Output>
      OperationRecord: MessageTypeDefinition<_onestorage_v1_OperationRecord, _onestorage_v1_OperationRecord__Output>
      /**
       * Looks at, follows and cancels operations of an agent.
       */
      Operations: SubtypeConstructor<typeof grpc.Client, _onestorage_v1_OperationsClient> & { service: _onestorage_v1_OperationsDefinition }
      Outcome: MessageTypeDefinition<_onestorage_v1_Outcome, _onestorage_v1_Outcome__Output>
      Place: MessageTypeDefinition<_onestorage_v1_Place, _onestorage_v1_Place__Output>
      Progress: MessageTypeDefinition<_onestorage_v1_Progress, _onestorage_v1_Progress__Output>
      ReceiveDirectory: MessageTypeDefinition<_onestorage_v1_ReceiveDirectory, _onestorage_v1_ReceiveDirectory__Output>
      ReceiveDisk: MessageTypeDefinition<_onestorage_v1_ReceiveDisk, _onestorage_v1_ReceiveDisk__Output>
      ReceiveImage: MessageTypeDefinition<_onestorage_v1_ReceiveImage, _onestorage_v1_ReceiveImage__Output>
      ReceiveRequest: MessageTypeDefinition<_onestorage_v1_ReceiveRequest, _onestorage_v1_ReceiveRequest__Output>
      Result: MessageTypeDefinition<_onestorage_v1_Result, _onestorage_v1_Result__Output>
      Ticket: MessageTypeDefinition<_onestorage_v1_Ticket, _onestorage_v1_Ticket__Output>
      /**
       * Bulk data, agent to agent. The controller opens and receives; an agent fetches with the capability it was given.
       */
      Transfers: SubtypeConstructor<typeof grpc.Client, _onestorage_v1_TransfersClient> & { service: _onestorage_v1_TransfersDefinition }
      WatchOperationRequest: MessageTypeDefinition<_onestorage_v1_WatchOperationRequest, _onestorage_v1_WatchOperationRequest__Output>
    }
  }
}


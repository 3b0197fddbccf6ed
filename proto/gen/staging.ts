import type * as grpc from '@grpc/grpc-js';
import type { MessageTypeDefinition } from '@grpc/proto-loader';

import type { BackupIncrement as _onestorage_v1_BackupIncrement, BackupIncrement__Output as _onestorage_v1_BackupIncrement__Output } from './onestorage/v1/BackupIncrement.ts';
import type { CancelOperationRequest as _onestorage_v1_CancelOperationRequest, CancelOperationRequest__Output as _onestorage_v1_CancelOperationRequest__Output } from './onestorage/v1/CancelOperationRequest.ts';
import type { CancelOperationResponse as _onestorage_v1_CancelOperationResponse, CancelOperationResponse__Output as _onestorage_v1_CancelOperationResponse__Output } from './onestorage/v1/CancelOperationResponse.ts';
import type { DiscardRequest as _onestorage_v1_DiscardRequest, DiscardRequest__Output as _onestorage_v1_DiscardRequest__Output } from './onestorage/v1/DiscardRequest.ts';
import type { Failure as _onestorage_v1_Failure, Failure__Output as _onestorage_v1_Failure__Output } from './onestorage/v1/Failure.ts';
import type { Figures as _onestorage_v1_Figures, Figures__Output as _onestorage_v1_Figures__Output } from './onestorage/v1/Figures.ts';
import type { GetOperationRequest as _onestorage_v1_GetOperationRequest, GetOperationRequest__Output as _onestorage_v1_GetOperationRequest__Output } from './onestorage/v1/GetOperationRequest.ts';
import type { ListOperationsRequest as _onestorage_v1_ListOperationsRequest, ListOperationsRequest__Output as _onestorage_v1_ListOperationsRequest__Output } from './onestorage/v1/ListOperationsRequest.ts';
import type { ListOperationsResponse as _onestorage_v1_ListOperationsResponse, ListOperationsResponse__Output as _onestorage_v1_ListOperationsResponse__Output } from './onestorage/v1/ListOperationsResponse.ts';
import type { LogLine as _onestorage_v1_LogLine, LogLine__Output as _onestorage_v1_LogLine__Output } from './onestorage/v1/LogLine.ts';
import type { OperationEvent as _onestorage_v1_OperationEvent, OperationEvent__Output as _onestorage_v1_OperationEvent__Output } from './onestorage/v1/OperationEvent.ts';
import type { OperationHeader as _onestorage_v1_OperationHeader, OperationHeader__Output as _onestorage_v1_OperationHeader__Output } from './onestorage/v1/OperationHeader.ts';
import type { OperationRecord as _onestorage_v1_OperationRecord, OperationRecord__Output as _onestorage_v1_OperationRecord__Output } from './onestorage/v1/OperationRecord.ts';
import type { OperationsClient as _onestorage_v1_OperationsClient, OperationsDefinition as _onestorage_v1_OperationsDefinition } from './onestorage/v1/Operations.ts';
import type { Outcome as _onestorage_v1_Outcome, Outcome__Output as _onestorage_v1_Outcome__Output } from './onestorage/v1/Outcome.ts';
import type { Place as _onestorage_v1_Place, Place__Output as _onestorage_v1_Place__Output } from './onestorage/v1/Place.ts';
import type { Progress as _onestorage_v1_Progress, Progress__Output as _onestorage_v1_Progress__Output } from './onestorage/v1/Progress.ts';
import type { Result as _onestorage_v1_Result, Result__Output as _onestorage_v1_Result__Output } from './onestorage/v1/Result.ts';
import type { StageRequest as _onestorage_v1_StageRequest, StageRequest__Output as _onestorage_v1_StageRequest__Output } from './onestorage/v1/StageRequest.ts';
import type { StagedDisk as _onestorage_v1_StagedDisk, StagedDisk__Output as _onestorage_v1_StagedDisk__Output } from './onestorage/v1/StagedDisk.ts';
import type { StagingClient as _onestorage_v1_StagingClient, StagingDefinition as _onestorage_v1_StagingDefinition } from './onestorage/v1/Staging.ts';
import type { WatchOperationRequest as _onestorage_v1_WatchOperationRequest, WatchOperationRequest__Output as _onestorage_v1_WatchOperationRequest__Output } from './onestorage/v1/WatchOperationRequest.ts';

type SubtypeConstructor<Constructor extends new (...args: any) => any, Subtype> = {
  new(...args: ConstructorParameters<Constructor>): Subtype;
};

export interface ProtoGrpcType {
  onestorage: {
    v1: {
      BackupIncrement: MessageTypeDefinition<_onestorage_v1_BackupIncrement, _onestorage_v1_BackupIncrement__Output>
      CancelOperationRequest: MessageTypeDefinition<_onestorage_v1_CancelOperationRequest, _onestorage_v1_CancelOperationRequest__Output>
      CancelOperationResponse: MessageTypeDefinition<_onestorage_v1_CancelOperationResponse, _onestorage_v1_CancelOperationResponse__Output>
      DiscardRequest: MessageTypeDefinition<_onestorage_v1_DiscardRequest, _onestorage_v1_DiscardRequest__Output>
      Failure: MessageTypeDefinition<_onestorage_v1_Failure, _onestorage_v1_Failure__Output>
      Figures: MessageTypeDefinition<_onestorage_v1_Figures, _onestorage_v1_Figures__Output>
      GetOperationRequest: MessageTypeDefinition<_onestorage_v1_GetOperationRequest, _onestorage_v1_GetOperationRequest__Output>
      ListOperationsRequest: MessageTypeDefinition<_onestorage_v1_ListOperationsRequest, _onestorage_v1_ListOperationsRequest__Output>
      ListOperationsResponse: MessageTypeDefinition<_onestorage_v1_ListOperationsResponse, _onestorage_v1_ListOperationsResponse__Output>
      LogLine: MessageTypeDefinition<_onestorage_v1_LogLine, _onestorage_v1_LogLine__Output>
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
      Result: MessageTypeDefinition<_onestorage_v1_Result, _onestorage_v1_Result__Output>
      StageRequest: MessageTypeDefinition<_onestorage_v1_StageRequest, _onestorage_v1_StageRequest__Output>
      StagedDisk: MessageTypeDefinition<_onestorage_v1_StagedDisk, _onestorage_v1_StagedDisk__Output>
      /**
       * What backup datastores upload: files of one moment, beside the disks of the VM.
       */
      Staging: SubtypeConstructor<typeof grpc.Client, _onestorage_v1_StagingClient> & { service: _onestorage_v1_StagingDefinition }
      WatchOperationRequest: MessageTypeDefinition<_onestorage_v1_WatchOperationRequest, _onestorage_v1_WatchOperationRequest__Output>
    }
  }
}


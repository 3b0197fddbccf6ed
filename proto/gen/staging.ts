import type * as grpc from '@grpc/grpc-js';
import type { MessageTypeDefinition } from '@grpc/proto-loader';

import type { BackupChain as _onestorage_v1_BackupChain, BackupChain__Output as _onestorage_v1_BackupChain__Output } from './onestorage/v1/BackupChain.ts';
import type { BackupFile as _onestorage_v1_BackupFile, BackupFile__Output as _onestorage_v1_BackupFile__Output } from './onestorage/v1/BackupFile.ts';
import type { BackupIncrement as _onestorage_v1_BackupIncrement, BackupIncrement__Output as _onestorage_v1_BackupIncrement__Output } from './onestorage/v1/BackupIncrement.ts';
import type { BackupLimits as _onestorage_v1_BackupLimits, BackupLimits__Output as _onestorage_v1_BackupLimits__Output } from './onestorage/v1/BackupLimits.ts';
import type { BackupOrigin as _onestorage_v1_BackupOrigin, BackupOrigin__Output as _onestorage_v1_BackupOrigin__Output } from './onestorage/v1/BackupOrigin.ts';
import type { BackupState as _onestorage_v1_BackupState, BackupState__Output as _onestorage_v1_BackupState__Output } from './onestorage/v1/BackupState.ts';
import type { BackupUsageRequest as _onestorage_v1_BackupUsageRequest, BackupUsageRequest__Output as _onestorage_v1_BackupUsageRequest__Output } from './onestorage/v1/BackupUsageRequest.ts';
import type { BackupUsageResponse as _onestorage_v1_BackupUsageResponse, BackupUsageResponse__Output as _onestorage_v1_BackupUsageResponse__Output } from './onestorage/v1/BackupUsageResponse.ts';
import type { BackupsClient as _onestorage_v1_BackupsClient, BackupsDefinition as _onestorage_v1_BackupsDefinition } from './onestorage/v1/Backups.ts';
import type { BootBackupRequest as _onestorage_v1_BootBackupRequest, BootBackupRequest__Output as _onestorage_v1_BootBackupRequest__Output } from './onestorage/v1/BootBackupRequest.ts';
import type { BootDisk as _onestorage_v1_BootDisk, BootDisk__Output as _onestorage_v1_BootDisk__Output } from './onestorage/v1/BootDisk.ts';
import type { CancelOperationRequest as _onestorage_v1_CancelOperationRequest, CancelOperationRequest__Output as _onestorage_v1_CancelOperationRequest__Output } from './onestorage/v1/CancelOperationRequest.ts';
import type { CancelOperationResponse as _onestorage_v1_CancelOperationResponse, CancelOperationResponse__Output as _onestorage_v1_CancelOperationResponse__Output } from './onestorage/v1/CancelOperationResponse.ts';
import type { CatalogEntry as _onestorage_v1_CatalogEntry, CatalogEntry__Output as _onestorage_v1_CatalogEntry__Output } from './onestorage/v1/CatalogEntry.ts';
import type { CatalogRequest as _onestorage_v1_CatalogRequest, CatalogRequest__Output as _onestorage_v1_CatalogRequest__Output } from './onestorage/v1/CatalogRequest.ts';
import type { CatalogResponse as _onestorage_v1_CatalogResponse, CatalogResponse__Output as _onestorage_v1_CatalogResponse__Output } from './onestorage/v1/CatalogResponse.ts';
import type { DiscardRequest as _onestorage_v1_DiscardRequest, DiscardRequest__Output as _onestorage_v1_DiscardRequest__Output } from './onestorage/v1/DiscardRequest.ts';
import type { Failure as _onestorage_v1_Failure, Failure__Output as _onestorage_v1_Failure__Output } from './onestorage/v1/Failure.ts';
import type { Figures as _onestorage_v1_Figures, Figures__Output as _onestorage_v1_Figures__Output } from './onestorage/v1/Figures.ts';
import type { FlattenBackupRequest as _onestorage_v1_FlattenBackupRequest, FlattenBackupRequest__Output as _onestorage_v1_FlattenBackupRequest__Output } from './onestorage/v1/FlattenBackupRequest.ts';
import type { GetOperationRequest as _onestorage_v1_GetOperationRequest, GetOperationRequest__Output as _onestorage_v1_GetOperationRequest__Output } from './onestorage/v1/GetOperationRequest.ts';
import type { ListBackupRequest as _onestorage_v1_ListBackupRequest, ListBackupRequest__Output as _onestorage_v1_ListBackupRequest__Output } from './onestorage/v1/ListBackupRequest.ts';
import type { ListBackupResponse as _onestorage_v1_ListBackupResponse, ListBackupResponse__Output as _onestorage_v1_ListBackupResponse__Output } from './onestorage/v1/ListBackupResponse.ts';
import type { ListOperationsRequest as _onestorage_v1_ListOperationsRequest, ListOperationsRequest__Output as _onestorage_v1_ListOperationsRequest__Output } from './onestorage/v1/ListOperationsRequest.ts';
import type { ListOperationsResponse as _onestorage_v1_ListOperationsResponse, ListOperationsResponse__Output as _onestorage_v1_ListOperationsResponse__Output } from './onestorage/v1/ListOperationsResponse.ts';
import type { LocalLocation as _onestorage_v1_LocalLocation, LocalLocation__Output as _onestorage_v1_LocalLocation__Output } from './onestorage/v1/LocalLocation.ts';
import type { LogLine as _onestorage_v1_LogLine, LogLine__Output as _onestorage_v1_LogLine__Output } from './onestorage/v1/LogLine.ts';
import type { OperationEvent as _onestorage_v1_OperationEvent, OperationEvent__Output as _onestorage_v1_OperationEvent__Output } from './onestorage/v1/OperationEvent.ts';
import type { OperationHeader as _onestorage_v1_OperationHeader, OperationHeader__Output as _onestorage_v1_OperationHeader__Output } from './onestorage/v1/OperationHeader.ts';
import type { OperationRecord as _onestorage_v1_OperationRecord, OperationRecord__Output as _onestorage_v1_OperationRecord__Output } from './onestorage/v1/OperationRecord.ts';
import type { OperationsClient as _onestorage_v1_OperationsClient, OperationsDefinition as _onestorage_v1_OperationsDefinition } from './onestorage/v1/Operations.ts';
import type { Outcome as _onestorage_v1_Outcome, Outcome__Output as _onestorage_v1_Outcome__Output } from './onestorage/v1/Outcome.ts';
import type { Place as _onestorage_v1_Place, Place__Output as _onestorage_v1_Place__Output } from './onestorage/v1/Place.ts';
import type { ProbeRepositoryRequest as _onestorage_v1_ProbeRepositoryRequest, ProbeRepositoryRequest__Output as _onestorage_v1_ProbeRepositoryRequest__Output } from './onestorage/v1/ProbeRepositoryRequest.ts';
import type { ProbeRepositoryResponse as _onestorage_v1_ProbeRepositoryResponse, ProbeRepositoryResponse__Output as _onestorage_v1_ProbeRepositoryResponse__Output } from './onestorage/v1/ProbeRepositoryResponse.ts';
import type { Progress as _onestorage_v1_Progress, Progress__Output as _onestorage_v1_Progress__Output } from './onestorage/v1/Progress.ts';
import type { RemoveBackupRequest as _onestorage_v1_RemoveBackupRequest, RemoveBackupRequest__Output as _onestorage_v1_RemoveBackupRequest__Output } from './onestorage/v1/RemoveBackupRequest.ts';
import type { Repository as _onestorage_v1_Repository, Repository__Output as _onestorage_v1_Repository__Output } from './onestorage/v1/Repository.ts';
import type { RestLocation as _onestorage_v1_RestLocation, RestLocation__Output as _onestorage_v1_RestLocation__Output } from './onestorage/v1/RestLocation.ts';
import type { ResticRepository as _onestorage_v1_ResticRepository, ResticRepository__Output as _onestorage_v1_ResticRepository__Output } from './onestorage/v1/ResticRepository.ts';
import type { RestoreBackupRequest as _onestorage_v1_RestoreBackupRequest, RestoreBackupRequest__Output as _onestorage_v1_RestoreBackupRequest__Output } from './onestorage/v1/RestoreBackupRequest.ts';
import type { Result as _onestorage_v1_Result, Result__Output as _onestorage_v1_Result__Output } from './onestorage/v1/Result.ts';
import type { RsyncRepository as _onestorage_v1_RsyncRepository, RsyncRepository__Output as _onestorage_v1_RsyncRepository__Output } from './onestorage/v1/RsyncRepository.ts';
import type { S3Location as _onestorage_v1_S3Location, S3Location__Output as _onestorage_v1_S3Location__Output } from './onestorage/v1/S3Location.ts';
import type { SftpLocation as _onestorage_v1_SftpLocation, SftpLocation__Output as _onestorage_v1_SftpLocation__Output } from './onestorage/v1/SftpLocation.ts';
import type { StageRequest as _onestorage_v1_StageRequest, StageRequest__Output as _onestorage_v1_StageRequest__Output } from './onestorage/v1/StageRequest.ts';
import type { StagedDisk as _onestorage_v1_StagedDisk, StagedDisk__Output as _onestorage_v1_StagedDisk__Output } from './onestorage/v1/StagedDisk.ts';
import type { StagingClient as _onestorage_v1_StagingClient, StagingDefinition as _onestorage_v1_StagingDefinition } from './onestorage/v1/Staging.ts';
import type { StoreBackupRequest as _onestorage_v1_StoreBackupRequest, StoreBackupRequest__Output as _onestorage_v1_StoreBackupRequest__Output } from './onestorage/v1/StoreBackupRequest.ts';
import type { SwapDisk as _onestorage_v1_SwapDisk, SwapDisk__Output as _onestorage_v1_SwapDisk__Output } from './onestorage/v1/SwapDisk.ts';
import type { SwapDisksRequest as _onestorage_v1_SwapDisksRequest, SwapDisksRequest__Output as _onestorage_v1_SwapDisksRequest__Output } from './onestorage/v1/SwapDisksRequest.ts';
import type { UnlockRepositoryRequest as _onestorage_v1_UnlockRepositoryRequest, UnlockRepositoryRequest__Output as _onestorage_v1_UnlockRepositoryRequest__Output } from './onestorage/v1/UnlockRepositoryRequest.ts';
import type { VerifyBackupRequest as _onestorage_v1_VerifyBackupRequest, VerifyBackupRequest__Output as _onestorage_v1_VerifyBackupRequest__Output } from './onestorage/v1/VerifyBackupRequest.ts';
import type { WatchOperationRequest as _onestorage_v1_WatchOperationRequest, WatchOperationRequest__Output as _onestorage_v1_WatchOperationRequest__Output } from './onestorage/v1/WatchOperationRequest.ts';

type SubtypeConstructor<Constructor extends new (...args: any) => any, Subtype> = {
  new(...args: ConstructorParameters<Constructor>): Subtype;
};

export interface ProtoGrpcType {
  onestorage: {
    v1: {
      BackupChain: MessageTypeDefinition<_onestorage_v1_BackupChain, _onestorage_v1_BackupChain__Output>
      BackupFile: MessageTypeDefinition<_onestorage_v1_BackupFile, _onestorage_v1_BackupFile__Output>
      BackupIncrement: MessageTypeDefinition<_onestorage_v1_BackupIncrement, _onestorage_v1_BackupIncrement__Output>
      BackupLimits: MessageTypeDefinition<_onestorage_v1_BackupLimits, _onestorage_v1_BackupLimits__Output>
      BackupOrigin: MessageTypeDefinition<_onestorage_v1_BackupOrigin, _onestorage_v1_BackupOrigin__Output>
      BackupState: MessageTypeDefinition<_onestorage_v1_BackupState, _onestorage_v1_BackupState__Output>
      BackupUsageRequest: MessageTypeDefinition<_onestorage_v1_BackupUsageRequest, _onestorage_v1_BackupUsageRequest__Output>
      BackupUsageResponse: MessageTypeDefinition<_onestorage_v1_BackupUsageResponse, _onestorage_v1_BackupUsageResponse__Output>
      /**
       * Backups in a repository: restic, or directories behind rsync. A call acts on the agent that has the data on this side: the
       * VM's host for Store and Restore, any for the rest. An agent keeps passwords no longer than the operation takes.
       */
      Backups: SubtypeConstructor<typeof grpc.Client, _onestorage_v1_BackupsClient> & { service: _onestorage_v1_BackupsDefinition }
      BootBackupRequest: MessageTypeDefinition<_onestorage_v1_BootBackupRequest, _onestorage_v1_BootBackupRequest__Output>
      BootDisk: MessageTypeDefinition<_onestorage_v1_BootDisk, _onestorage_v1_BootDisk__Output>
      CancelOperationRequest: MessageTypeDefinition<_onestorage_v1_CancelOperationRequest, _onestorage_v1_CancelOperationRequest__Output>
      CancelOperationResponse: MessageTypeDefinition<_onestorage_v1_CancelOperationResponse, _onestorage_v1_CancelOperationResponse__Output>
      CatalogEntry: MessageTypeDefinition<_onestorage_v1_CatalogEntry, _onestorage_v1_CatalogEntry__Output>
      CatalogRequest: MessageTypeDefinition<_onestorage_v1_CatalogRequest, _onestorage_v1_CatalogRequest__Output>
      CatalogResponse: MessageTypeDefinition<_onestorage_v1_CatalogResponse, _onestorage_v1_CatalogResponse__Output>
      DiscardRequest: MessageTypeDefinition<_onestorage_v1_DiscardRequest, _onestorage_v1_DiscardRequest__Output>
      Failure: MessageTypeDefinition<_onestorage_v1_Failure, _onestorage_v1_Failure__Output>
      Figures: MessageTypeDefinition<_onestorage_v1_Figures, _onestorage_v1_Figures__Output>
      FlattenBackupRequest: MessageTypeDefinition<_onestorage_v1_FlattenBackupRequest, _onestorage_v1_FlattenBackupRequest__Output>
      GetOperationRequest: MessageTypeDefinition<_onestorage_v1_GetOperationRequest, _onestorage_v1_GetOperationRequest__Output>
      ListBackupRequest: MessageTypeDefinition<_onestorage_v1_ListBackupRequest, _onestorage_v1_ListBackupRequest__Output>
      ListBackupResponse: MessageTypeDefinition<_onestorage_v1_ListBackupResponse, _onestorage_v1_ListBackupResponse__Output>
      ListOperationsRequest: MessageTypeDefinition<_onestorage_v1_ListOperationsRequest, _onestorage_v1_ListOperationsRequest__Output>
      ListOperationsResponse: MessageTypeDefinition<_onestorage_v1_ListOperationsResponse, _onestorage_v1_ListOperationsResponse__Output>
      LocalLocation: MessageTypeDefinition<_onestorage_v1_LocalLocation, _onestorage_v1_LocalLocation__Output>
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
      ProbeRepositoryRequest: MessageTypeDefinition<_onestorage_v1_ProbeRepositoryRequest, _onestorage_v1_ProbeRepositoryRequest__Output>
      ProbeRepositoryResponse: MessageTypeDefinition<_onestorage_v1_ProbeRepositoryResponse, _onestorage_v1_ProbeRepositoryResponse__Output>
      Progress: MessageTypeDefinition<_onestorage_v1_Progress, _onestorage_v1_Progress__Output>
      RemoveBackupRequest: MessageTypeDefinition<_onestorage_v1_RemoveBackupRequest, _onestorage_v1_RemoveBackupRequest__Output>
      Repository: MessageTypeDefinition<_onestorage_v1_Repository, _onestorage_v1_Repository__Output>
      RestLocation: MessageTypeDefinition<_onestorage_v1_RestLocation, _onestorage_v1_RestLocation__Output>
      ResticRepository: MessageTypeDefinition<_onestorage_v1_ResticRepository, _onestorage_v1_ResticRepository__Output>
      RestoreBackupRequest: MessageTypeDefinition<_onestorage_v1_RestoreBackupRequest, _onestorage_v1_RestoreBackupRequest__Output>
      Result: MessageTypeDefinition<_onestorage_v1_Result, _onestorage_v1_Result__Output>
      RsyncRepository: MessageTypeDefinition<_onestorage_v1_RsyncRepository, _onestorage_v1_RsyncRepository__Output>
      S3Location: MessageTypeDefinition<_onestorage_v1_S3Location, _onestorage_v1_S3Location__Output>
      SftpLocation: MessageTypeDefinition<_onestorage_v1_SftpLocation, _onestorage_v1_SftpLocation__Output>
      StageRequest: MessageTypeDefinition<_onestorage_v1_StageRequest, _onestorage_v1_StageRequest__Output>
      StagedDisk: MessageTypeDefinition<_onestorage_v1_StagedDisk, _onestorage_v1_StagedDisk__Output>
      /**
       * What backup datastores upload: files of one moment, beside the disks of the VM.
       */
      Staging: SubtypeConstructor<typeof grpc.Client, _onestorage_v1_StagingClient> & { service: _onestorage_v1_StagingDefinition }
      StoreBackupRequest: MessageTypeDefinition<_onestorage_v1_StoreBackupRequest, _onestorage_v1_StoreBackupRequest__Output>
      SwapDisk: MessageTypeDefinition<_onestorage_v1_SwapDisk, _onestorage_v1_SwapDisk__Output>
      SwapDisksRequest: MessageTypeDefinition<_onestorage_v1_SwapDisksRequest, _onestorage_v1_SwapDisksRequest__Output>
      UnlockRepositoryRequest: MessageTypeDefinition<_onestorage_v1_UnlockRepositoryRequest, _onestorage_v1_UnlockRepositoryRequest__Output>
      VerifyBackupRequest: MessageTypeDefinition<_onestorage_v1_VerifyBackupRequest, _onestorage_v1_VerifyBackupRequest__Output>
      WatchOperationRequest: MessageTypeDefinition<_onestorage_v1_WatchOperationRequest, _onestorage_v1_WatchOperationRequest__Output>
    }
  }
}


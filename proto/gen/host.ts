import type * as grpc from '@grpc/grpc-js';
import type { MessageTypeDefinition } from '@grpc/proto-loader';

import type { BackupIncrement as _onestorage_v1_BackupIncrement, BackupIncrement__Output as _onestorage_v1_BackupIncrement__Output } from './onestorage/v1/BackupIncrement.ts';
import type { CancelOperationRequest as _onestorage_v1_CancelOperationRequest, CancelOperationRequest__Output as _onestorage_v1_CancelOperationRequest__Output } from './onestorage/v1/CancelOperationRequest.ts';
import type { CancelOperationResponse as _onestorage_v1_CancelOperationResponse, CancelOperationResponse__Output as _onestorage_v1_CancelOperationResponse__Output } from './onestorage/v1/CancelOperationResponse.ts';
import type { CheckHostRequest as _onestorage_v1_CheckHostRequest, CheckHostRequest__Output as _onestorage_v1_CheckHostRequest__Output } from './onestorage/v1/CheckHostRequest.ts';
import type { CheckHostResponse as _onestorage_v1_CheckHostResponse, CheckHostResponse__Output as _onestorage_v1_CheckHostResponse__Output } from './onestorage/v1/CheckHostResponse.ts';
import type { DescribeHostRequest as _onestorage_v1_DescribeHostRequest, DescribeHostRequest__Output as _onestorage_v1_DescribeHostRequest__Output } from './onestorage/v1/DescribeHostRequest.ts';
import type { DescribeHostResponse as _onestorage_v1_DescribeHostResponse, DescribeHostResponse__Output as _onestorage_v1_DescribeHostResponse__Output } from './onestorage/v1/DescribeHostResponse.ts';
import type { DiskSizes as _onestorage_v1_DiskSizes, DiskSizes__Output as _onestorage_v1_DiskSizes__Output } from './onestorage/v1/DiskSizes.ts';
import type { DiskSizesRequest as _onestorage_v1_DiskSizesRequest, DiskSizesRequest__Output as _onestorage_v1_DiskSizesRequest__Output } from './onestorage/v1/DiskSizesRequest.ts';
import type { DiskSizesResponse as _onestorage_v1_DiskSizesResponse, DiskSizesResponse__Output as _onestorage_v1_DiskSizesResponse__Output } from './onestorage/v1/DiskSizesResponse.ts';
import type { Failure as _onestorage_v1_Failure, Failure__Output as _onestorage_v1_Failure__Output } from './onestorage/v1/Failure.ts';
import type { Figures as _onestorage_v1_Figures, Figures__Output as _onestorage_v1_Figures__Output } from './onestorage/v1/Figures.ts';
import type { GetOperationRequest as _onestorage_v1_GetOperationRequest, GetOperationRequest__Output as _onestorage_v1_GetOperationRequest__Output } from './onestorage/v1/GetOperationRequest.ts';
import type { HostsClient as _onestorage_v1_HostsClient, HostsDefinition as _onestorage_v1_HostsDefinition } from './onestorage/v1/Hosts.ts';
import type { ListOperationsRequest as _onestorage_v1_ListOperationsRequest, ListOperationsRequest__Output as _onestorage_v1_ListOperationsRequest__Output } from './onestorage/v1/ListOperationsRequest.ts';
import type { ListOperationsResponse as _onestorage_v1_ListOperationsResponse, ListOperationsResponse__Output as _onestorage_v1_ListOperationsResponse__Output } from './onestorage/v1/ListOperationsResponse.ts';
import type { LogLine as _onestorage_v1_LogLine, LogLine__Output as _onestorage_v1_LogLine__Output } from './onestorage/v1/LogLine.ts';
import type { OperationEvent as _onestorage_v1_OperationEvent, OperationEvent__Output as _onestorage_v1_OperationEvent__Output } from './onestorage/v1/OperationEvent.ts';
import type { OperationHeader as _onestorage_v1_OperationHeader, OperationHeader__Output as _onestorage_v1_OperationHeader__Output } from './onestorage/v1/OperationHeader.ts';
import type { OperationRecord as _onestorage_v1_OperationRecord, OperationRecord__Output as _onestorage_v1_OperationRecord__Output } from './onestorage/v1/OperationRecord.ts';
import type { OperationsClient as _onestorage_v1_OperationsClient, OperationsDefinition as _onestorage_v1_OperationsDefinition } from './onestorage/v1/Operations.ts';
import type { Outcome as _onestorage_v1_Outcome, Outcome__Output as _onestorage_v1_Outcome__Output } from './onestorage/v1/Outcome.ts';
import type { Place as _onestorage_v1_Place, Place__Output as _onestorage_v1_Place__Output } from './onestorage/v1/Place.ts';
import type { PlaceState as _onestorage_v1_PlaceState, PlaceState__Output as _onestorage_v1_PlaceState__Output } from './onestorage/v1/PlaceState.ts';
import type { Progress as _onestorage_v1_Progress, Progress__Output as _onestorage_v1_Progress__Output } from './onestorage/v1/Progress.ts';
import type { Result as _onestorage_v1_Result, Result__Output as _onestorage_v1_Result__Output } from './onestorage/v1/Result.ts';
import type { SnapshotSize as _onestorage_v1_SnapshotSize, SnapshotSize__Output as _onestorage_v1_SnapshotSize__Output } from './onestorage/v1/SnapshotSize.ts';
import type { StatRequest as _onestorage_v1_StatRequest, StatRequest__Output as _onestorage_v1_StatRequest__Output } from './onestorage/v1/StatRequest.ts';
import type { StatResponse as _onestorage_v1_StatResponse, StatResponse__Output as _onestorage_v1_StatResponse__Output } from './onestorage/v1/StatResponse.ts';
import type { UsageRequest as _onestorage_v1_UsageRequest, UsageRequest__Output as _onestorage_v1_UsageRequest__Output } from './onestorage/v1/UsageRequest.ts';
import type { UsageResponse as _onestorage_v1_UsageResponse, UsageResponse__Output as _onestorage_v1_UsageResponse__Output } from './onestorage/v1/UsageResponse.ts';
import type { VmDiskSizes as _onestorage_v1_VmDiskSizes, VmDiskSizes__Output as _onestorage_v1_VmDiskSizes__Output } from './onestorage/v1/VmDiskSizes.ts';
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
      CheckHostRequest: MessageTypeDefinition<_onestorage_v1_CheckHostRequest, _onestorage_v1_CheckHostRequest__Output>
      CheckHostResponse: MessageTypeDefinition<_onestorage_v1_CheckHostResponse, _onestorage_v1_CheckHostResponse__Output>
      DescribeHostRequest: MessageTypeDefinition<_onestorage_v1_DescribeHostRequest, _onestorage_v1_DescribeHostRequest__Output>
      DescribeHostResponse: MessageTypeDefinition<_onestorage_v1_DescribeHostResponse, _onestorage_v1_DescribeHostResponse__Output>
      DiskSizes: MessageTypeDefinition<_onestorage_v1_DiskSizes, _onestorage_v1_DiskSizes__Output>
      DiskSizesRequest: MessageTypeDefinition<_onestorage_v1_DiskSizesRequest, _onestorage_v1_DiskSizesRequest__Output>
      DiskSizesResponse: MessageTypeDefinition<_onestorage_v1_DiskSizesResponse, _onestorage_v1_DiskSizesResponse__Output>
      Failure: MessageTypeDefinition<_onestorage_v1_Failure, _onestorage_v1_Failure__Output>
      Figures: MessageTypeDefinition<_onestorage_v1_Figures, _onestorage_v1_Figures__Output>
      GetOperationRequest: MessageTypeDefinition<_onestorage_v1_GetOperationRequest, _onestorage_v1_GetOperationRequest__Output>
      /**
       * What this host is and how full its datastores are.
       */
      Hosts: SubtypeConstructor<typeof grpc.Client, _onestorage_v1_HostsClient> & { service: _onestorage_v1_HostsDefinition }
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
      PlaceState: MessageTypeDefinition<_onestorage_v1_PlaceState, _onestorage_v1_PlaceState__Output>
      Progress: MessageTypeDefinition<_onestorage_v1_Progress, _onestorage_v1_Progress__Output>
      Result: MessageTypeDefinition<_onestorage_v1_Result, _onestorage_v1_Result__Output>
      SnapshotSize: MessageTypeDefinition<_onestorage_v1_SnapshotSize, _onestorage_v1_SnapshotSize__Output>
      StatRequest: MessageTypeDefinition<_onestorage_v1_StatRequest, _onestorage_v1_StatRequest__Output>
      StatResponse: MessageTypeDefinition<_onestorage_v1_StatResponse, _onestorage_v1_StatResponse__Output>
      UsageRequest: MessageTypeDefinition<_onestorage_v1_UsageRequest, _onestorage_v1_UsageRequest__Output>
      UsageResponse: MessageTypeDefinition<_onestorage_v1_UsageResponse, _onestorage_v1_UsageResponse__Output>
      VmDiskSizes: MessageTypeDefinition<_onestorage_v1_VmDiskSizes, _onestorage_v1_VmDiskSizes__Output>
      WatchOperationRequest: MessageTypeDefinition<_onestorage_v1_WatchOperationRequest, _onestorage_v1_WatchOperationRequest__Output>
    }
  }
}


import type * as grpc from '@grpc/grpc-js';
import type { MessageTypeDefinition } from '@grpc/proto-loader';

import type { CancelOperationRequest as _onestorage_v1_CancelOperationRequest, CancelOperationRequest__Output as _onestorage_v1_CancelOperationRequest__Output } from './onestorage/v1/CancelOperationRequest.ts';
import type { CancelOperationResponse as _onestorage_v1_CancelOperationResponse, CancelOperationResponse__Output as _onestorage_v1_CancelOperationResponse__Output } from './onestorage/v1/CancelOperationResponse.ts';
import type { Checksum as _onestorage_v1_Checksum, Checksum__Output as _onestorage_v1_Checksum__Output } from './onestorage/v1/Checksum.ts';
import type { CopyImageRequest as _onestorage_v1_CopyImageRequest, CopyImageRequest__Output as _onestorage_v1_CopyImageRequest__Output } from './onestorage/v1/CopyImageRequest.ts';
import type { CreateImageRequest as _onestorage_v1_CreateImageRequest, CreateImageRequest__Output as _onestorage_v1_CreateImageRequest__Output } from './onestorage/v1/CreateImageRequest.ts';
import type { DescribeImageRequest as _onestorage_v1_DescribeImageRequest, DescribeImageRequest__Output as _onestorage_v1_DescribeImageRequest__Output } from './onestorage/v1/DescribeImageRequest.ts';
import type { Failure as _onestorage_v1_Failure, Failure__Output as _onestorage_v1_Failure__Output } from './onestorage/v1/Failure.ts';
import type { Figures as _onestorage_v1_Figures, Figures__Output as _onestorage_v1_Figures__Output } from './onestorage/v1/Figures.ts';
import type { GetOperationRequest as _onestorage_v1_GetOperationRequest, GetOperationRequest__Output as _onestorage_v1_GetOperationRequest__Output } from './onestorage/v1/GetOperationRequest.ts';
import type { ImagesClient as _onestorage_v1_ImagesClient, ImagesDefinition as _onestorage_v1_ImagesDefinition } from './onestorage/v1/Images.ts';
import type { ImportImageRequest as _onestorage_v1_ImportImageRequest, ImportImageRequest__Output as _onestorage_v1_ImportImageRequest__Output } from './onestorage/v1/ImportImageRequest.ts';
import type { ListOperationsRequest as _onestorage_v1_ListOperationsRequest, ListOperationsRequest__Output as _onestorage_v1_ListOperationsRequest__Output } from './onestorage/v1/ListOperationsRequest.ts';
import type { ListOperationsResponse as _onestorage_v1_ListOperationsResponse, ListOperationsResponse__Output as _onestorage_v1_ListOperationsResponse__Output } from './onestorage/v1/ListOperationsResponse.ts';
import type { LogLine as _onestorage_v1_LogLine, LogLine__Output as _onestorage_v1_LogLine__Output } from './onestorage/v1/LogLine.ts';
import type { OperationEvent as _onestorage_v1_OperationEvent, OperationEvent__Output as _onestorage_v1_OperationEvent__Output } from './onestorage/v1/OperationEvent.ts';
import type { OperationHeader as _onestorage_v1_OperationHeader, OperationHeader__Output as _onestorage_v1_OperationHeader__Output } from './onestorage/v1/OperationHeader.ts';
import type { OperationRecord as _onestorage_v1_OperationRecord, OperationRecord__Output as _onestorage_v1_OperationRecord__Output } from './onestorage/v1/OperationRecord.ts';
import type { OperationsClient as _onestorage_v1_OperationsClient, OperationsDefinition as _onestorage_v1_OperationsDefinition } from './onestorage/v1/Operations.ts';
import type { Origin as _onestorage_v1_Origin, Origin__Output as _onestorage_v1_Origin__Output } from './onestorage/v1/Origin.ts';
import type { Outcome as _onestorage_v1_Outcome, Outcome__Output as _onestorage_v1_Outcome__Output } from './onestorage/v1/Outcome.ts';
import type { Place as _onestorage_v1_Place, Place__Output as _onestorage_v1_Place__Output } from './onestorage/v1/Place.ts';
import type { Progress as _onestorage_v1_Progress, Progress__Output as _onestorage_v1_Progress__Output } from './onestorage/v1/Progress.ts';
import type { RemoveImageRequest as _onestorage_v1_RemoveImageRequest, RemoveImageRequest__Output as _onestorage_v1_RemoveImageRequest__Output } from './onestorage/v1/RemoveImageRequest.ts';
import type { Result as _onestorage_v1_Result, Result__Output as _onestorage_v1_Result__Output } from './onestorage/v1/Result.ts';
import type { S3Credentials as _onestorage_v1_S3Credentials, S3Credentials__Output as _onestorage_v1_S3Credentials__Output } from './onestorage/v1/S3Credentials.ts';
import type { StatOriginRequest as _onestorage_v1_StatOriginRequest, StatOriginRequest__Output as _onestorage_v1_StatOriginRequest__Output } from './onestorage/v1/StatOriginRequest.ts';
import type { StatOriginResponse as _onestorage_v1_StatOriginResponse, StatOriginResponse__Output as _onestorage_v1_StatOriginResponse__Output } from './onestorage/v1/StatOriginResponse.ts';
import type { WatchOperationRequest as _onestorage_v1_WatchOperationRequest, WatchOperationRequest__Output as _onestorage_v1_WatchOperationRequest__Output } from './onestorage/v1/WatchOperationRequest.ts';

type SubtypeConstructor<Constructor extends new (...args: any) => any, Subtype> = {
  new(...args: ConstructorParameters<Constructor>): Subtype;
};

export interface ProtoGrpcType {
  onestorage: {
    v1: {
      CancelOperationRequest: MessageTypeDefinition<_onestorage_v1_CancelOperationRequest, _onestorage_v1_CancelOperationRequest__Output>
      CancelOperationResponse: MessageTypeDefinition<_onestorage_v1_CancelOperationResponse, _onestorage_v1_CancelOperationResponse__Output>
      Checksum: MessageTypeDefinition<_onestorage_v1_Checksum, _onestorage_v1_Checksum__Output>
      CopyImageRequest: MessageTypeDefinition<_onestorage_v1_CopyImageRequest, _onestorage_v1_CopyImageRequest__Output>
      CreateImageRequest: MessageTypeDefinition<_onestorage_v1_CreateImageRequest, _onestorage_v1_CreateImageRequest__Output>
      DescribeImageRequest: MessageTypeDefinition<_onestorage_v1_DescribeImageRequest, _onestorage_v1_DescribeImageRequest__Output>
      Failure: MessageTypeDefinition<_onestorage_v1_Failure, _onestorage_v1_Failure__Output>
      Figures: MessageTypeDefinition<_onestorage_v1_Figures, _onestorage_v1_Figures__Output>
      GetOperationRequest: MessageTypeDefinition<_onestorage_v1_GetOperationRequest, _onestorage_v1_GetOperationRequest__Output>
      /**
       * Images of an image datastore. Each call acts on the agent that holds it: the front-end, or a bridge.
       */
      Images: SubtypeConstructor<typeof grpc.Client, _onestorage_v1_ImagesClient> & { service: _onestorage_v1_ImagesDefinition }
      ImportImageRequest: MessageTypeDefinition<_onestorage_v1_ImportImageRequest, _onestorage_v1_ImportImageRequest__Output>
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
      Origin: MessageTypeDefinition<_onestorage_v1_Origin, _onestorage_v1_Origin__Output>
      Outcome: MessageTypeDefinition<_onestorage_v1_Outcome, _onestorage_v1_Outcome__Output>
      Place: MessageTypeDefinition<_onestorage_v1_Place, _onestorage_v1_Place__Output>
      Progress: MessageTypeDefinition<_onestorage_v1_Progress, _onestorage_v1_Progress__Output>
      RemoveImageRequest: MessageTypeDefinition<_onestorage_v1_RemoveImageRequest, _onestorage_v1_RemoveImageRequest__Output>
      Result: MessageTypeDefinition<_onestorage_v1_Result, _onestorage_v1_Result__Output>
      S3Credentials: MessageTypeDefinition<_onestorage_v1_S3Credentials, _onestorage_v1_S3Credentials__Output>
      StatOriginRequest: MessageTypeDefinition<_onestorage_v1_StatOriginRequest, _onestorage_v1_StatOriginRequest__Output>
      StatOriginResponse: MessageTypeDefinition<_onestorage_v1_StatOriginResponse, _onestorage_v1_StatOriginResponse__Output>
      WatchOperationRequest: MessageTypeDefinition<_onestorage_v1_WatchOperationRequest, _onestorage_v1_WatchOperationRequest__Output>
    }
  }
}


import type * as grpc from '@grpc/grpc-js';
import type { MessageTypeDefinition } from '@grpc/proto-loader';

import type { DescribeHostRequest as _onestorage_v1_DescribeHostRequest, DescribeHostRequest__Output as _onestorage_v1_DescribeHostRequest__Output } from './onestorage/v1/DescribeHostRequest.ts';
import type { DescribeHostResponse as _onestorage_v1_DescribeHostResponse, DescribeHostResponse__Output as _onestorage_v1_DescribeHostResponse__Output } from './onestorage/v1/DescribeHostResponse.ts';
import type { HostsClient as _onestorage_v1_HostsClient, HostsDefinition as _onestorage_v1_HostsDefinition } from './onestorage/v1/Hosts.ts';
import type { UsageRequest as _onestorage_v1_UsageRequest, UsageRequest__Output as _onestorage_v1_UsageRequest__Output } from './onestorage/v1/UsageRequest.ts';
import type { UsageResponse as _onestorage_v1_UsageResponse, UsageResponse__Output as _onestorage_v1_UsageResponse__Output } from './onestorage/v1/UsageResponse.ts';

type SubtypeConstructor<Constructor extends new (...args: any) => any, Subtype> = {
  new(...args: ConstructorParameters<Constructor>): Subtype;
};

export interface ProtoGrpcType {
  onestorage: {
    v1: {
      DescribeHostRequest: MessageTypeDefinition<_onestorage_v1_DescribeHostRequest, _onestorage_v1_DescribeHostRequest__Output>
      DescribeHostResponse: MessageTypeDefinition<_onestorage_v1_DescribeHostResponse, _onestorage_v1_DescribeHostResponse__Output>
      /**
       * What this host is and how full its datastores are.
       */
      Hosts: SubtypeConstructor<typeof grpc.Client, _onestorage_v1_HostsClient> & { service: _onestorage_v1_HostsDefinition }
      UsageRequest: MessageTypeDefinition<_onestorage_v1_UsageRequest, _onestorage_v1_UsageRequest__Output>
      UsageResponse: MessageTypeDefinition<_onestorage_v1_UsageResponse, _onestorage_v1_UsageResponse__Output>
    }
  }
}


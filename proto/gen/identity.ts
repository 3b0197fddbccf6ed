import type * as grpc from '@grpc/grpc-js';
import type { MessageTypeDefinition } from '@grpc/proto-loader';

import type { IdentitiesClient as _onestorage_v1_IdentitiesClient, IdentitiesDefinition as _onestorage_v1_IdentitiesDefinition } from './onestorage/v1/Identities.ts';
import type { SetRevocationsRequest as _onestorage_v1_SetRevocationsRequest, SetRevocationsRequest__Output as _onestorage_v1_SetRevocationsRequest__Output } from './onestorage/v1/SetRevocationsRequest.ts';
import type { SetRevocationsResponse as _onestorage_v1_SetRevocationsResponse, SetRevocationsResponse__Output as _onestorage_v1_SetRevocationsResponse__Output } from './onestorage/v1/SetRevocationsResponse.ts';

type SubtypeConstructor<Constructor extends new (...args: any) => any, Subtype> = {
  new(...args: ConstructorParameters<Constructor>): Subtype;
};

export interface ProtoGrpcType {
  onestorage: {
    v1: {
      /**
       * Whom this host trusts.
       */
      Identities: SubtypeConstructor<typeof grpc.Client, _onestorage_v1_IdentitiesClient> & { service: _onestorage_v1_IdentitiesDefinition }
      SetRevocationsRequest: MessageTypeDefinition<_onestorage_v1_SetRevocationsRequest, _onestorage_v1_SetRevocationsRequest__Output>
      SetRevocationsResponse: MessageTypeDefinition<_onestorage_v1_SetRevocationsResponse, _onestorage_v1_SetRevocationsResponse__Output>
    }
  }
}


import type { SetRevocationsRequest__Output } from '../../proto/gen/onestorage/v1/SetRevocationsRequest.ts';
import type { SetRevocationsResponse } from '../../proto/gen/onestorage/v1/SetRevocationsResponse.ts';
import { installRevocations } from '../../runtime/identity/revocation.ts';
import type { AgentContext } from '../context.ts';

/** Whom this host trusts. */
export function identitiesService(agent: Pick<AgentContext, 'identity' | 'log'>) {
  return {
    SetRevocations: async ({ list }: SetRevocationsRequest__Output): Promise<SetRevocationsResponse> => {
      const isNew = await installRevocations(agent.identity, list);
      const { number, serials } = agent.identity.revocations;
      if (isNew) agent.log.info({ number, revoked: serials.size }, 'revocation list taken');
      return { number };
    },
  };
}

import type { ListOperationsResponse__Output } from '../../proto/gen/onestorage/v1/ListOperationsResponse.ts';
import type { StatResponse__Output } from '../../proto/gen/onestorage/v1/StatResponse.ts';
import { type Channel, callUnary } from '../../runtime/channel.ts';
import type { AgentLooks } from './agent-looks.ts';
import type { Host } from './directory.ts';

/** As many places as an agent takes in one call. */
const PLACES = 1000;
const RECORDS = 1000;

export function grpcLooks(channelOf: (host: Host) => Channel): AgentLooks {
  return {
    check: (host, signal) => callUnary(channelOf(host).client('Hosts'), 'Check', {}, { signal }),
    space: (host, datastoreId, signal) => callUnary(channelOf(host).client('Hosts'), 'Usage', { datastoreId, create: false }, { signal }),
    stat: async (host, places, signal) => {
      const states: StatResponse__Output['states'] = [];
      for (let first = 0; first < places.length; first += PLACES) {
        const request = { places: places.slice(first, first + PLACES) };
        const answer: StatResponse__Output = await callUnary(channelOf(host).client('Hosts'), 'Stat', request, { signal });
        states.push(...answer.states);
      }
      return states;
    },
    records: async (host, signal) => {
      const request = { all: true, limit: RECORDS };
      const answer: ListOperationsResponse__Output = await callUnary(channelOf(host).client('Operations'), 'List', request, { signal });
      return answer.operations;
    },
  };
}

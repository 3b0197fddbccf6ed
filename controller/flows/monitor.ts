import { bytes, toMebibytes } from '../../runtime/units.ts';
import type { Host } from '../hosts/directory.ts';
import { words as wordList } from '../opennebula/action-data.ts';
import type { Flow, FlowTools } from './flow.ts';

async function usage(host: Host, datastoreId: number, tools: FlowTools): Promise<string> {
  const { totalBytes, usedBytes, freeBytes } = await tools.usage(host, datastoreId);
  // Down, not up: free space that is not there must not be promised.
  const free = Math.floor(freeBytes / 1024 ** 2);
  return `USED_MB=${toMebibytes(bytes(usedBytes))} TOTAL_MB=${toMebibytes(bytes(totalBytes))} FREE_MB=${free}`;
}

/** Space in an image datastore (contract 6.1). */
export const dsMonitor: Flow<'ds/monitor'> = {
  class: undefined,
  run: async (words, tools) => {
    const { datastore } = tools.document();
    return await usage(await tools.bridge(wordList(datastore.template.get('BRIDGE_LIST')), words.id), datastore.id, tools);
  },
};

/** Of a system datastore with SHARED=NO oned never asks (contract 6.1); whoever does gets the front-end's. */
export const tmMonitor: Flow<'tm/monitor'> = {
  class: undefined,
  run: (words, tools) => usage(tools.host(undefined), words.datastoreId, tools),
};

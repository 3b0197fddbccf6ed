import { asStorageError } from '../../runtime/errors.ts';
import type { Host } from '../hosts/directory.ts';
import { words as wordList } from '../opennebula/action-data.ts';
import { monitorBackup } from './backup-datastore.ts';
import type { Flow, FlowTools } from './flow.ts';
import { usageText } from './usage-text.ts';

type Usage = Awaited<ReturnType<FlowTools['usage']>>;

/** Space in an image or backup datastore (contract 6.1). */
export const dsMonitor: Flow<'ds/monitor'> = {
  class: undefined,
  run: async (words, tools) => {
    if (tools.backend === 'repository') return await monitorBackup(tools);
    const { datastore } = tools.document();
    const host = await tools.bridge(wordList(datastore.template.get('BRIDGE_LIST')), words.id);
    return usageText(await tools.usage(host, datastore.id, { create: true }));
  },
};

/**
 * Space in a system datastore that all hosts share, and sometimes the sizes of its disks (contract 6.1, 6.2). Of one with SHARED=NO oned never
 * asks; whoever does gets the front-end's.
 */
export const tmMonitor: Flow<'tm/monitor'> = {
  class: undefined,
  run: async ({ datastoreId }, tools) => {
    if (tools.placement === 'host') return usageText(await tools.usage(tools.host(undefined), datastoreId, { create: true }));
    const { datastore, monitorVmDisks } = tools.document();
    const host = await tools.bridge(wordList(datastore.template.get('BRIDGE_LIST')), datastoreId);
    // Made by nobody: what is not mounted would be told as the space of the disk below it.
    const usage = await tools.usage(host, datastoreId, { create: false });
    if (monitorVmDisks) await tellDiskSizes(host, datastoreId, usage, tools);
    return usageText(usage);
  },
};

/** Their failure is not that of the action: oned would take the space for unknown. */
async function tellDiskSizes(host: Host, datastoreId: number, { monitor }: Usage, tools: FlowTools): Promise<void> {
  if (monitor !== '') {
    const text = `the sizes of disks in datastore ${datastoreId} are left to the probes of its hosts: it has a .monitor with ${monitor}`;
    tools.log('warn', `${text}; remove it if all hosts share the datastore`);
    return;
  }
  try {
    await tools.tellDiskSizes(host, datastoreId);
  } catch (thrown) {
    tools.signal.throwIfAborted();
    tools.log('warn', `the sizes of disks in datastore ${datastoreId} were not told to onemonitord: ${asStorageError(thrown).message}`);
  }
}

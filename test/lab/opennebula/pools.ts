import { datastoreDocument, vmDocument } from './documents.ts';
import type { OneModel } from './model.ts';
import { cdata, element, plain, template } from './xml.ts';

/** Calls without an object of their own: who asks, and the pools, of which drivers only ever ask for everything. */

const DONE = 6;

/** Machines that are not DONE, each with its last history record alone, as the pool has them. */
function vmPool(model: OneModel): string {
  const vms = [...model.vms.values()].filter((vm) => vm.state !== DONE);
  return element(
    'VM_POOL',
    vms.map((vm) => vmDocument(model, { ...vm, history: vm.history.slice(-1) })),
  );
}

function datastorePool(model: OneModel): string {
  return element(
    'DATASTORE_POOL',
    [...model.datastores.values()].map((datastore) => datastoreDocument(model, datastore)),
  );
}

/** The hosts of the lab, all in the cluster of its datastores. */
function hostPool(): string {
  return element(
    'HOST_POOL',
    ['host01', 'host02'].map((name, id) =>
      element('HOST', plain('ID', id), plain('NAME', name), plain('STATE', 2), plain('CLUSTER_ID', 0), cdata('CLUSTER', 'default')),
    ),
  );
}

/** What the manual adds to oned.conf. */
function configuration(model: OneModel): string {
  const conf = template({ NAME: 'agent_local', LN_TARGET: 'SYSTEM', CLONE_TARGET: 'SYSTEM', SHARED: 'NO', DS_MIGRATE: 'YES' });
  return element(
    'OPENNEBULA_CONFIGURATION',
    element('DATASTORE_MAD', cdata('ARGUMENTS', '-t 15 -d dummy,fs,agent_fs -s shared,ssh,local,agent_local')),
    cdata('HOSTNAME', model.frontEnd),
    element('TM_MAD', cdata('ARGUMENTS', '-t 15 -d dummy,shared,ssh,agent_local')),
    element('TM_MAD_CONF', template({ NAME: 'ssh', SHARED: 'NO' })),
    element('TM_MAD_CONF', conf),
  );
}

export const POOLS: Readonly<Record<string, { readonly word: string; document(model: OneModel): string }>> = {
  'one.vmpool.infoextended': { word: 'virtual machine pool', document: vmPool },
  'one.system.config': { word: 'configuration', document: configuration },
  'one.vmpool.info': { word: 'virtual machine pool', document: vmPool },
  'one.datastorepool.info': { word: 'datastore pool', document: datastorePool },
  'one.hostpool.info': { word: 'host pool', document: hostPool },
};

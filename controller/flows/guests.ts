import { StorageError } from '../../runtime/errors.ts';
import type { WordsOf } from '../../shims/words.ts';
import type { AgentRequests } from '../hosts/agent-calls.ts';
import type { VmDisk, VmDocument } from '../opennebula/vm-document.ts';
import { diskOf, formatOfDisk } from './disks.ts';
import type { Flow, FlowTools, Place } from './flow.ts';

const QUIET = { NONE: 'none', AGENT: 'agent', SUSPEND: 'suspend' } as const;

/** How the guest is held for the moment of a snapshot: FS_FREEZE of the VM's backup configuration, NONE without (contract 7.1). */
export function quietOf({ id, fsFreeze = 'NONE' }: VmDocument): string {
  if (Object.hasOwn(QUIET, fsFreeze)) return QUIET[fsFreeze as keyof typeof QUIET];
  throw new StorageError(
    'bad_document',
    `FS_FREEZE of VM ${id} is ${JSON.stringify(fsFreeze.slice(0, 40))}; NONE, AGENT and SUSPEND are known`,
  );
}

/** A disk as the agent of the guest's host finds it. Throws bad_document for a VM that was never deployed. */
export function guestDisk(vm: VmDocument, disk: VmDisk, place: Place): NonNullable<AgentRequests['Guests/CopyDisk']['disk']> {
  if (vm.deployId === undefined) throw new StorageError('bad_document', `VM ${vm.id} has no DEPLOY_ID: which domain it is cannot be told`);
  return { place, format: formatOfDisk(vm, disk), domain: vm.deployId };
}

async function create(words: WordsOf<'tm/snap_create_live'>, tools: FlowTools): Promise<string> {
  const place = tools.vmPlace(words.target.path, words.vmId);
  const host = tools.host(words.target.host);
  const vm = await tools.vm(words.vmId);
  const disk = guestDisk(vm, diskOf(vm, words.target.path), place);
  await tools.run(host, 'snapshot', 'Guests/CreateSnapshot', { disk, snapshotId: words.snapshotId, quiet: quietOf(vm) });
  return '';
}

/** Snapshot of a disk while its VM runs (contract 7.1). */
export const snapCreateLive: Flow<'tm/snap_create_live'> = { class: 'deploy', run: create };

import { asStorageError, StorageError } from '../../runtime/errors.ts';
import type { Host } from '../hosts/directory.ts';
import { LCM } from '../opennebula/vm-document.ts';
import { receiveIds } from '../operations/transfer.ts';
import { diskIdOf } from './disks.ts';
import type { Flow, FlowTools, Place } from './flow.ts';

function samePlace(one: Place, other: Place): boolean {
  return one.datastoreId === other.datastoreId && one.path === other.path;
}

/**
 * A VM directory goes to another host or datastore. A call for a single disk does nothing: the call for the directory follows (contract 2.2).
 * The source is removed only when the target is complete.
 */
export const mv: Flow<'tm/mv'> = {
  class: 'move',
  run: async (words, tools) => {
    if (diskIdOf(words.source.path) !== undefined) return '';
    const [from, to] = [tools.vmPlace(words.source.path, words.vmId), tools.vmPlace(words.target.path, words.vmId)];
    if (words.source.host === words.target.host && samePlace(from, to)) return '';
    // Before anything is known of the source: a host that is lost may not even be in controller.yaml any more.
    const { lcmState } = await tools.vm(words.vmId);
    if (lcmState === LCM.prologMigrateUnknown || lcmState === LCM.prologMigrateUnknownFailure) {
      tools.log('warn', `the host ${words.source.host} is lost (LCM ${lcmState}): its disks are left there`);
      return '';
    }
    const source = { host: tools.host(words.source.host), place: from };
    const target = { host: tools.host(words.target.host), place: to };
    if (samePlace(from, to) && (await tools.sameHost(source.host, target.host))) return '';
    try {
      await tools.transfer(
        'receive',
        { ...source, format: '' },
        { host: target.host, directory: { place: target.place, monitor: tools.monitor } },
      );
    } catch (thrown) {
      await mustBeMoved(asStorageError(thrown), source, target, tools);
      tools.log('info', `the directory is at ${words.target.host} already: an earlier move was complete`);
      return '';
    }
    tools.commit();
    // The VM is at its new place: a source that restarts just now must not fail the move.
    await tools.run(source.host, 'remove', 'Disks/Remove', { target: source.place }, { wait: true });
    return '';
  },
};

interface End {
  readonly host: Host;
  readonly place: Place;
}

/**
 * A source that is gone is a success only when an earlier call with the same words has brought it to the target and removed it: the agents'
 * journals say so. A directory at the target alone may be of last year, and a source that is not mounted is gone as well.
 */
async function mustBeMoved(error: StorageError, source: End, target: End, tools: FlowTools): Promise<void> {
  if (error.reason !== 'not_found') throw error;
  try {
    await tools.openExport(target.host, 'look', target.place);
  } catch (thrown) {
    const looked = asStorageError(thrown);
    if (looked.reason !== 'not_found') throw looked;
    throw new StorageError('not_found', `${error.message}; it is not on ${target.host.name} either`);
  }
  if (await wasMoved(source, target, tools)) return;
  const { datastoreId, path } = target.place;
  const found = `${target.host.name} has a directory '${path}' in datastore ${datastoreId}, but of unknown origin`;
  throw new StorageError('not_found', `${error.message}; ${found}: nothing was changed`);
}

async function wasMoved(source: End, target: End, tools: FlowTools): Promise<boolean> {
  const oneMachine = await tools.sameHost(source.host, target.host);
  for (const key of tools.earlier()) {
    const received = await anySucceeded(target.host, receiveIds(`${key}.receive`), tools);
    // Within one machine a directory is renamed: then the receiver has removed it.
    if (received && (oneMachine || (await tools.succeeded(source.host, `${key}.remove`)))) return true;
  }
  return false;
}

async function anySucceeded(host: Host, ids: readonly string[], tools: FlowTools): Promise<boolean> {
  for (const id of ids) if (await tools.succeeded(host, id)) return true;
  return false;
}

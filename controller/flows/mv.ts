import { asStorageError, StorageError } from '../../runtime/errors.ts';
import { LCM } from '../opennebula/vm-document.ts';
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
    const source = { host: tools.host(words.source.host), place: tools.vmPlace(words.source.path, words.vmId) };
    const target = { host: tools.host(words.target.host), place: tools.vmPlace(words.target.path, words.vmId) };
    if (source.host.address === target.host.address && samePlace(source.place, target.place)) return '';
    const { lcmState } = await tools.vm(words.vmId);
    if (lcmState === LCM.prologMigrateUnknown || lcmState === LCM.prologMigrateUnknownFailure) {
      tools.log('warn', `the host ${words.source.host} is lost (LCM ${lcmState}): its disks are left there`);
      return '';
    }
    if (samePlace(source.place, target.place) && (await tools.sameHost(source.host, target.host))) return '';
    try {
      await tools.transfer(
        'receive',
        { ...source, format: '' },
        { host: target.host, directory: { place: target.place, monitor: tools.monitor } },
      );
    } catch (thrown) {
      await mustBeThere(asStorageError(thrown), target, tools);
      tools.log('info', `the directory is at ${words.target.host} already: an earlier move was complete`);
      return '';
    }
    tools.commit();
    // The VM is at its new place: a source that restarts just now must not fail the move.
    await tools.run(source.host, 'remove', 'Disks/Remove', { target: source.place }, { wait: true });
    return '';
  },
};

/** A source that is gone is a success only when the target is there: it appears under its name whole or not at all. */
async function mustBeThere(
  error: StorageError,
  target: { host: ReturnType<FlowTools['host']>; place: Place },
  tools: FlowTools,
): Promise<void> {
  if (error.reason !== 'not_found') throw error;
  try {
    await tools.openExport(target.host, 'look', target.place);
  } catch (thrown) {
    const looked = asStorageError(thrown);
    if (looked.reason !== 'not_found') throw looked;
    throw new StorageError('not_found', `${error.message}; it is not on ${target.host.name} either`);
  }
}

import { bytes, toMebibytes } from '../../runtime/units.ts';
import { isBackupAddress } from '../backups/address.ts';
import type { AgentRequests } from '../hosts/agent-calls.ts';
import type { Host } from '../hosts/directory.ts';
import { type DriverActionData, words as wordList } from '../opennebula/action-data.ts';
import { statBackup } from './backup-datastore.ts';
import { backupOrigin, mustStillBeWanted } from './backup-origin.ts';
import type { Flow, FlowTools, Leftover, Place, PlaceTools } from './flow.ts';
import { checksumsOf, isOpaque, originOf } from './image-origin.ts';
import { bridgeOf, convertTo, imageOf, newSource, preallocate } from './images.ts';

/** PATH without a scheme is a file of the front-end, whatever hosts BRIDGE_LIST names (contract 2.1, 5.2). */
function isFile(path: string | undefined): boolean {
  return path?.startsWith('/') === true;
}

/** Where the front-end puts what goes on to a bridge. */
function stagedOf(data: DriverActionData, tools: PlaceTools): Leftover {
  const { place } = newSource(data.datastore, tools);
  return { host: tools.host(undefined), place: { ...place, path: `.onestorage.${tools.key}.import.${place.path}` } };
}

/** A new image from a path or an address. */
export const cp: Flow<'ds/cp'> = {
  class: 'image',
  leftovers: (_words, tools) => {
    const data = tools.document();
    const bridged = wordList(data.datastore.template.get('BRIDGE_LIST')).length > 0;
    return bridged && isFile(data.image?.path) ? [stagedOf(data, tools)] : [];
  },
  run: async (words, tools) => {
    const data = tools.document();
    const image = imageOf(data);
    const { source, place } = newSource(data.datastore, tools);
    const bridge = await bridgeOf(data.datastore, words.id, tools);
    const fromBackup = isBackupAddress(image.path ?? '');
    const origin = fromBackup ? await backupOrigin(data, tools) : originOf(data);
    const request = {
      origin,
      checksums: checksumsOf(data, image),
      convertTo: convertTo(data),
      opaque: isOpaque(data),
      preallocate: preallocate(data),
      // Beside the target by default: then nothing is copied twice.
      stagingDir: data.datastore.template.get('STAGING_DIR') ?? '',
    };
    const near = !isFile(origin.path) || (await tools.sameHost(tools.host(undefined), bridge));
    const { format } = near
      ? await tools.run(bridge, 'import', 'Images/Import', { ...request, target: place })
      : await importBy(bridge, request, place, tools);
    if (fromBackup) await mustStillBeWanted(words.id, place, bridge, tools);
    return `${source} ${format === '' ? 'raw' : format}`;
  },
};

/** The front-end reads its file, checks and converts it, and sends it to the bridge. STAGING_DIR is a directory of the bridge. */
async function importBy(
  bridge: Host,
  request: Omit<AgentRequests['Images/Import'], 'operation' | 'target'> & Record<'opaque' | 'preallocate', boolean>,
  place: Place,
  tools: FlowTools,
): Promise<{ readonly format: string }> {
  const staged = stagedOf(tools.document(), tools);
  const made = await tools.run(staged.host, 'import', 'Images/Import', { ...request, stagingDir: '', target: staged.place });
  const format = request.opaque ? '' : made.format;
  const image = { place, format, withSnapshots: false, preallocate: request.preallocate };
  await tools.transfer('receive', { ...staged, format, flat: true }, { host: bridge, image });
  await tools.run(staged.host, 'clean', 'Images/Remove', { target: staged.place });
  return made;
}

/** Virtual size of an image that is to be imported, in MiB. */
export const stat: Flow<'ds/stat'> = {
  class: undefined,
  run: async (words, tools) => {
    if (tools.backend === 'repository') return await statBackup(tools);
    const data = tools.document();
    const origin = originOf(data);
    const host = isFile(origin.path) ? tools.host(undefined) : await bridgeOf(data.datastore, words.id, tools);
    return String(toMebibytes(bytes(await tools.statOrigin(host, origin, isOpaque(data)))));
  },
};

import { createHash } from 'node:crypto';
import { StorageError } from '../../runtime/errors.ts';
import { fromMebibytes } from '../../runtime/units.ts';
import type { Host } from '../hosts/directory.ts';
import { type DatastoreRecord, type DriverActionData, type ImageRecord, words as wordList } from '../opennebula/action-data.ts';
import { required, yes } from '../opennebula/pick.ts';
import { formatOf } from '../opennebula/vm-document.ts';
import { removeBackup } from './backup-datastore.ts';
import type { Flow, FlowTools, Place, PlaceTools } from './flow.ts';
import { isOpaque } from './image-origin.ts';

/** What stands on standard input, for actions on an image. */
export function imageOf(data: DriverActionData): ImageRecord {
  return required(data.image, 'IMAGE');
}

/** Image id mod the number of bridges, as stock does, then the next that answers (contract 2.1). */
export function bridgeOf(datastore: DatastoreRecord, id: number, tools: FlowTools): Promise<Host> {
  return tools.bridge(wordList(datastore.template.get('BRIDGE_LIST')), id);
}

/** A name for a new image, the same when the action runs again after a restart. BASE_PATH stays as oned has it. */
export function newSource(datastore: DatastoreRecord, tools: PlaceTools): { source: string; place: Place } {
  const name = createHash('sha256').update(`image ${tools.key}`).digest('hex').slice(0, 32);
  const source = `${datastore.basePath}/${name}`;
  return { source, place: tools.place(source) };
}

/** The format that images of the datastore must have; empty: as they come. */
export function convertTo(data: DriverActionData): string {
  const driver = formatOf(data.datastore.template.get('DRIVER'));
  return driver !== undefined && yes(data.datastore.template.get('CONVERT'), true) && !isOpaque(data) ? driver : '';
}

export function preallocate(data: DriverActionData): boolean {
  return !yes(data.datastore.template.get('SPARSE'), true);
}

export const mkfs: Flow<'ds/mkfs'> = {
  class: 'image',
  run: async (words, tools) => {
    const data = tools.document();
    const image = imageOf(data);
    const { source, place } = newSource(data.datastore, tools);
    // A cpds follows and makes the file (contract 2.1).
    if (image.format === 'save_as') return source;
    const swap = image.format?.toLowerCase() === 'swap';
    const format = swap ? 'raw' : formatOf(image.format ?? data.datastore.template.get('DRIVER') ?? 'raw');
    if (format === undefined)
      throw new StorageError('bad_document', `image ${words.id} has the format ${image.format}; only raw, qcow2 and swap can be made`);
    const sizeMb = required(image.sizeMb, 'IMAGE/SIZE');
    if (sizeMb < 1) throw new StorageError('bad_document', `IMAGE/SIZE is ${sizeMb}; expected MiB, from 1`);
    const sizeBytes = fromMebibytes(sizeMb);
    const host = await bridgeOf(data.datastore, words.id, tools);
    const fileSystem = swap ? 'swap' : (image.fileSystem ?? '');
    await tools.run(host, 'create', 'Images/Create', { target: place, sizeBytes, format, fileSystem, preallocate: preallocate(data) });
    return source;
  },
};

export const cloneImage: Flow<'ds/clone'> = {
  class: 'image',
  run: async (words, tools) => {
    const data = tools.document();
    const image = imageOf(data);
    const from = tools.place(required(image.path, 'IMAGE/PATH'));
    const { source, place } = newSource(data.datastore, tools);
    const host = await bridgeOf(data.datastore, words.id, tools);
    const sourceHost = data.sourceBridges.length === 0 ? host : await tools.bridge(data.sourceBridges, words.id);
    // The record of the new image has the format of the old one.
    const format = isOpaque(data) ? 'raw' : (formatOf(image.format) ?? '');
    if (await tools.sameHost(sourceHost, host)) {
      const request = {
        source: from,
        target: place,
        sourceFormat: format,
        convertTo: convertTo(data),
        preallocate: preallocate(data),
      };
      const made = await tools.run(host, 'copy', 'Images/Copy', request);
      return `${source} ${made.format === '' ? 'raw' : made.format}`;
    }
    const to = convertTo(data) || format || 'raw';
    await tools.transfer(
      'receive',
      { host: sourceHost, place: from, format: format || 'raw', flat: true },
      { host, image: { place, format: to, withSnapshots: false, preallocate: preallocate(data) } },
    );
    return `${source} ${to}`;
  },
};

/** SOURCE, which must lie directly in its datastore (contract 2.1, rm). Throws outside_datastore. */
export function sourceOf(data: DriverActionData, tools: Pick<FlowTools, 'place'>): Place {
  const source = required(imageOf(data).source, 'IMAGE/SOURCE');
  const place = tools.place(source);
  if (place.datastoreId !== data.datastore.id || place.path.includes('/')) {
    throw new StorageError('outside_datastore', `SOURCE ${source} is not an image of datastore ${data.datastore.id}`);
  }
  return place;
}

export const rm: Flow<'ds/rm'> = {
  class: 'delete',
  run: async (words, tools) => {
    if (tools.backend === 'repository') return await removeBackup(tools);
    const data = tools.document();
    // An image that never got a file.
    if (imageOf(data).source === undefined) return '';
    const target = sourceOf(data, tools);
    const host = await bridgeOf(data.datastore, words.id, tools);
    tools.commit();
    await tools.run(host, 'remove', 'Images/Remove', { target });
    return '';
  },
};

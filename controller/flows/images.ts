import { createHash } from 'node:crypto';
import { StorageError } from '../../runtime/errors.ts';
import { bytes, fromMebibytes, toMebibytes } from '../../runtime/units.ts';
import type { Host } from '../hosts/directory.ts';
import { type DatastoreRecord, type DriverActionData, type ImageRecord, words as wordList } from '../opennebula/action-data.ts';
import { required, yes } from '../opennebula/pick.ts';
import { formatOf } from '../opennebula/vm-document.ts';
import type { Flow, FlowTools, Place } from './flow.ts';
import { checksumsOf, isOpaque, originOf } from './image-origin.ts';

/** What stands on standard input, for actions on an image. */
export function imageOf(data: DriverActionData): ImageRecord {
  return required(data.image, 'IMAGE');
}

/** Image id mod the number of bridges, as stock does, then the next that answers (contract 2.1). */
export function bridgeOf(datastore: DatastoreRecord, id: number, tools: FlowTools): Promise<Host> {
  return tools.bridge(wordList(datastore.template.get('BRIDGE_LIST')), id);
}

/** A name for a new image, the same when the action runs again after a restart. BASE_PATH stays as oned has it. */
export function newSource(datastore: DatastoreRecord, tools: FlowTools): { source: string; place: Place } {
  const name = createHash('sha256').update(`image ${tools.key}`).digest('hex').slice(0, 32);
  const source = `${datastore.basePath}/${name}`;
  return { source, place: tools.place(source) };
}

function convertTo(data: DriverActionData): string {
  const driver = formatOf(data.datastore.template.get('DRIVER'));
  return driver !== undefined && yes(data.datastore.template.get('CONVERT'), true) && !isOpaque(data) ? driver : '';
}

function preallocate(data: DriverActionData): boolean {
  return !yes(data.datastore.template.get('SPARSE'), true);
}

export const cp: Flow<'ds/cp'> = {
  class: 'image',
  run: async (words, tools) => {
    const data = tools.document();
    const image = imageOf(data);
    const { source, place } = newSource(data.datastore, tools);
    const request = {
      origin: originOf(data),
      target: place,
      checksums: checksumsOf(data, image),
      convertTo: convertTo(data),
      opaque: isOpaque(data),
      preallocate: preallocate(data),
      // Beside the target by default: then nothing is copied twice.
      stagingDir: data.datastore.template.get('STAGING_DIR') ?? '',
    };
    const host = await bridgeOf(data.datastore, words.id, tools);
    const { format } = await tools.run(host, 'import', 'Images/Import', request);
    return `${source} ${format === '' ? 'raw' : format}`;
  },
};

export const stat: Flow<'ds/stat'> = {
  class: undefined,
  run: async (words, tools) => {
    const data = tools.document();
    const origin = originOf(data);
    const host = await bridgeOf(data.datastore, words.id, tools);
    return String(toMebibytes(bytes(await tools.statOrigin(host, origin))));
  },
};

export const mkfs: Flow<'ds/mkfs'> = {
  class: 'image',
  run: async (words, tools) => {
    const data = tools.document();
    const image = imageOf(data);
    const { source, place } = newSource(data.datastore, tools);
    // A cpds follows and makes the file (contract 2.1).
    if (image.format === 'save_as') return source;
    const format = formatOf(image.format ?? data.datastore.template.get('DRIVER') ?? 'raw');
    if (format === undefined)
      throw new StorageError('bad_document', `image ${words.id} has the format ${image.format}; only raw and qcow2 can be made`);
    const sizeMb = required(image.sizeMb, 'IMAGE/SIZE');
    if (sizeMb < 1) throw new StorageError('bad_document', `IMAGE/SIZE is ${sizeMb}; expected MiB, from 1`);
    const sizeBytes = fromMebibytes(sizeMb);
    const host = await bridgeOf(data.datastore, words.id, tools);
    const fileSystem = image.fileSystem ?? '';
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
    if (sourceHost.name === host.name || (await tools.sameHost(sourceHost, host))) {
      const request = { source: from, target: place, convertTo: convertTo(data), preallocate: preallocate(data) };
      const { format } = await tools.run(host, 'copy', 'Images/Copy', request);
      return `${source} ${format === '' ? (image.format ?? 'raw') : format}`;
    }
    const format = isOpaque(data) ? '' : (formatOf(image.format) ?? 'raw');
    await tools.transfer(
      'receive',
      { host: sourceHost, place: from, format, flat: true },
      { host, image: { place, format, withSnapshots: false } },
    );
    return `${source} ${format === '' ? 'raw' : format}`;
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

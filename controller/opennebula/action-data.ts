import { StorageError } from '../../runtime/errors.ts';
import { ACTIONS, type ActionName } from '../../shims/actions.ts';
import { attributesOf, child, numberOf, required, textOf, yes } from './pick.ts';
import { readXml, type XmlElement } from './xml.ts';

/** IMAGE/TYPE and DATASTORE/TYPE where they change what an action does (contract 2.1). */
export const CDROM_IMAGE = 1;
export const FILE_DATASTORE = 2;

export interface ImageRecord {
  readonly id: number | undefined;
  /** Whose it is. */
  readonly owner: { readonly id: number | undefined; readonly groupId: number | undefined; readonly name: string | undefined };
  readonly type: number | undefined;
  readonly path: string | undefined;
  readonly source: string | undefined;
  readonly format: string | undefined;
  readonly fileSystem: string | undefined;
  readonly sizeMb: number | undefined;
  readonly targetSnapshot: number | undefined;
  readonly template: ReadonlyMap<string, string>;
}

export interface DatastoreRecord {
  readonly id: number;
  readonly type: number | undefined;
  readonly dsMad: string | undefined;
  readonly tmMad: string | undefined;
  /** As oned has it, `//` and all: it stands in every SOURCE (contract 2.1). */
  readonly basePath: string;
  readonly template: ReadonlyMap<string, string>;
}

/** What stands on the standard input of a DS action. It may hold secrets. */
export interface DriverActionData {
  readonly image: ImageRecord | undefined;
  readonly datastore: DatastoreRecord;
  /** Of the marketplace a new image comes from: S3 keys. */
  readonly marketplace: ReadonlyMap<string, string>;
  /** Of the app a new image comes from: its MD5. */
  readonly app: ReadonlyMap<string, string>;
  /** Bridges of the source's datastore, of a clone (7.4). */
  readonly sourceBridges: readonly string[];
  /** Of a shared system datastore, every tenth time: the sizes of its disks are wanted too (contract 6.2). */
  readonly monitorVmDisks: boolean;
}

const MAX_BASE64 = 24 * 1024 * 1024;

/** The text behind base64 on one line (contract 1.3). Throws bad_document for anything that is not. */
export function decodeBase64(text: string): string {
  const line = text.trim();
  if (line === '') throw new StorageError('bad_document', 'standard input is empty; expected a base64 document');
  if (line.length > MAX_BASE64) throw new StorageError('bad_document', 'the document on standard input is larger than 16 MiB');
  if (line.length % 4 !== 0 || !/^[A-Za-z0-9+/]+={0,2}$/.test(line)) {
    throw new StorageError('bad_document', 'standard input is not base64 on one line');
  }
  return Buffer.from(line, 'base64').toString('utf8');
}

/** The document of a call as text, whichever way the action gets it (contract 1.3, 1.5). Throws bad_document. */
export function inputText(action: ActionName, stdin: string): string {
  if (ACTIONS[action].stdin !== 'raw') return decodeBase64(stdin);
  if (stdin.trim() === '') throw new StorageError('bad_document', 'standard input is empty; expected an XML document');
  return stdin.trim();
}

/** Throws bad_document. */
export function actionData(xml: string): DriverActionData {
  const root = readXml(xml, 'the document on standard input');
  if (root.name !== 'DS_DRIVER_ACTION_DATA') {
    throw new StorageError('bad_document', `standard input holds <${root.name}>; expected <DS_DRIVER_ACTION_DATA>`);
  }
  return {
    image: image(child(root, 'IMAGE')),
    datastore: datastoreRecord(required(child(root, 'DATASTORE'), 'DATASTORE')),
    marketplace: attributesOf(child(child(root, 'MARKETPLACE'), 'TEMPLATE')),
    app: attributesOf(child(child(root, 'MARKETPLACEAPP'), 'TEMPLATE')),
    sourceBridges: words(textOf(root, 'SOURCE_BRIDGE_LIST')),
    monitorVmDisks: yes(textOf(root, 'MONITOR_VM_DISKS'), false),
  };
}

function image(element: XmlElement | undefined): ImageRecord | undefined {
  if (element === undefined) return undefined;
  return {
    id: numberOf(element, 'ID'),
    owner: { id: numberOf(element, 'UID'), groupId: numberOf(element, 'GID'), name: textOf(element, 'UNAME') },
    type: numberOf(element, 'TYPE'),
    path: textOf(element, 'PATH'),
    source: textOf(element, 'SOURCE'),
    format: textOf(element, 'FORMAT'),
    fileSystem: textOf(element, 'FS'),
    sizeMb: numberOf(element, 'SIZE'),
    targetSnapshot: numberOf(element, 'TARGET_SNAPSHOT'),
    template: attributesOf(child(element, 'TEMPLATE')),
  };
}

/** The `<DATASTORE>` element of a document. Throws bad_document. */
export function datastoreRecord(element: XmlElement): DatastoreRecord {
  return {
    id: required(numberOf(element, 'ID'), 'DATASTORE/ID'),
    type: numberOf(element, 'TYPE'),
    dsMad: textOf(element, 'DS_MAD'),
    tmMad: textOf(element, 'TM_MAD'),
    basePath: required(textOf(element, 'BASE_PATH'), 'DATASTORE/BASE_PATH'),
    template: attributesOf(child(element, 'TEMPLATE')),
  };
}

/** A list of words as templates have it. */
export function words(text: string | undefined): readonly string[] {
  return (text ?? '').split(/\s+/).filter((word) => word !== '');
}

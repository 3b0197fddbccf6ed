import { oneLine } from '../../runtime/errors.ts';
import type { ActionName } from '../../shims/actions.ts';
import { splitDatastorePath } from '../../shims/places.ts';
import { diskIdOf } from '../flows/disks.ts';
import { actionData, inputText, words as wordList } from '../opennebula/action-data.ts';
import { child, numberOf } from '../opennebula/pick.ts';
import { readXml, type XmlElement } from '../opennebula/xml.ts';
import { aboutBackup } from './about-backup.ts';

/** What is known of a call from its words and its document alone. */
export interface About {
  /** For a person: `clone of disk 0 of VM 9`. */
  readonly subject: string;
  /** Held while it works. */
  readonly resources: readonly string[];
  /** What it changes, `<datastore>/<path>`: the supersede rule compares these. */
  readonly targets: readonly string[];
  /** Names of the hosts it may work on; undefined in oned's words is the front-end, here ''. */
  readonly hosts: readonly string[];
}

type Words = Readonly<Record<string, unknown>>;

function isHostPath(word: unknown): word is { readonly host: string | undefined; readonly path: string } {
  return typeof word === 'object' && word !== null && 'path' in word && 'host' in word;
}

export function verbOf(action: ActionName): string {
  return action.slice(3);
}

const BACKUP_DATASTORE = 3;

function isBackup(root: XmlElement): boolean {
  return numberOf(child(root, 'DATASTORE'), 'TYPE') === BACKUP_DATASTORE;
}

/** Throws outside_datastore and bad_document: nothing has begun then. */
export function aboutAction(action: ActionName, words: Words, stdin: string, datastores: string): About {
  // What a backup datastore does for a VM is told by its words, as the actions of a transfer manager are.
  if (!action.startsWith('ds/') || isHostPath(words['directory'])) return aboutVm(action, words, datastores);
  const root = readXml(inputText(action, stdin), 'the document on standard input');
  return isBackup(root) ? aboutBackup(verbOf(action), root, words['id']) : aboutImage(action, words, stdin, datastores);
}

function placeText(datastores: string, path: string): string {
  const place = splitDatastorePath(datastores, path);
  return `${place.datastoreId}/${place.path}`;
}

/** ` from node1:107/9`, then ` to node2:107/9`. */
function wayOf(datastores: string): (word: { readonly host: string | undefined; readonly path: string }, index: number) => string {
  return ({ host, path }, index) =>
    ` ${index === 0 ? 'from' : 'to'} ${host === undefined ? '' : `${oneLine(host)}:`}${placeText(datastores, path)}`;
}

function aboutVm(action: ActionName, words: Words, datastores: string): About {
  const verb = verbOf(action);
  const vmId = words['vmId'];
  const { source, target, directory } = words;
  const disks = [source, target, directory].filter(isHostPath).filter(({ path }) => path.startsWith('/'));
  // The image of a clone is only read: any number of VMs may be made of it at once.
  const changed = (verb === 'clone' || verb === 'ln' ? disks.filter((word) => word === target) : disks).map(({ path }) =>
    placeText(datastores, path),
  );
  const image = typeof target === 'string' ? [placeText(datastores, target)] : [];
  const { sourceHost, targetHost } = words;
  const migrated = typeof directory === 'string' ? [placeText(datastores, directory)] : [];
  const migrating = [sourceHost, targetHost].filter((host) => typeof host === 'string');
  const path = isHostPath(target) ? target.path : isHostPath(source) ? source.path : '';
  const disk = diskIdOf(path);
  const what = vmId === undefined ? verb : `${verb} of ${disk === undefined ? '' : `disk ${disk} of `}VM ${String(vmId)}`;
  return {
    // Both places of a move stand in the journal when its words are forgotten: see earlier.ts.
    subject: verb === 'mv' && disk === undefined ? `${what}${disks.map(wayOf(datastores)).join('')}` : what,
    resources: [...(vmId === undefined ? [] : [`vm:${String(vmId)}`]), ...image.map((text) => `image:${text}`)],
    targets: [...changed, ...image, ...migrated],
    hosts: [...new Set(['', ...migrating, ...disks.map(({ host }) => host ?? '')])],
  };
}

function aboutImage(action: ActionName, words: Words, stdin: string, datastores: string): About {
  const verb = verbOf(action);
  const data = actionData(inputText(action, stdin));
  const name = data.image === undefined ? `datastore ${data.datastore.id}` : `image ${data.image.id ?? String(words['id'])}`;
  const source = data.image?.source;
  const targets = source?.startsWith('/') === true && verb !== 'export' ? [placeText(datastores, source)] : [];
  const bridges = wordList(data.datastore.template.get('BRIDGE_LIST'));
  return {
    subject: oneLine(`${verb} of ${name}`),
    resources: targets.map((text) => `image:${text}`),
    targets,
    hosts: [...new Set(['', ...bridges, ...data.sourceBridges])],
  };
}

import { createCipheriv, createHash } from 'node:crypto';
import { StorageError } from '../../runtime/errors.ts';
import { type BackupImage, backupImage } from './backup-data.ts';
import { backupImagesIn } from './backups.ts';
import { type OpenNebulaOptions, orderOpenNebula, readSession } from './client.ts';
import { child, childrenOf, numberOf, textOf } from './pick.ts';
import { readXml } from './xml.ts';
import type { XmlRpcValue } from './xml-rpc.ts';

/** What an action does with the rights of a user of OpenNebula. Throws opennebula_refused, not_found or opennebula_unavailable. */
export interface UserOrders {
  /** Gives the id. Returns when oned has asked the datastore for the size; the content comes later. */
  allocateImage(template: string, datastoreId: number, signal: AbortSignal): Promise<number>;
  deleteImage(id: number, signal: AbortSignal): Promise<void>;
  allocateTemplate(template: string, signal: AbortSignal): Promise<number>;
  deleteTemplate(id: number, signal: AbortSignal): Promise<void>;
  /** The user's own images: OpenNebula has one of a name for each user. */
  ownImages(signal: AbortSignal): Promise<readonly NamedObject[]>;
  ownTemplates(signal: AbortSignal): Promise<readonly NamedObject[]>;
  /** The backups that the user may use, whoever owns them. */
  backups(signal: AbortSignal): Promise<readonly BackupImage[]>;
}

export interface NamedObject {
  readonly id: number;
  readonly name: string;
  /** Id of the call that has made it. */
  readonly mark: string | undefined;
}

export interface UserOrdersOptions extends OpenNebulaOptions {
  /** Its first line is `serveradmin:password`: the server user, who may act for every user. */
  readonly serverAuthFile: string;
}

/** Attribute that says which call has made an image or a template: only such a one is taken back, or taken for made. */
export const MARK = 'ONESTORAGE_RESTORE';
/** oned answers an allocation after its stat, for which it waits 90 s (contract 1.4). */
const ALLOCATE_MS = 100_000;
/** A token covers the 180 s that oned waits for a restore (contract 1.4), and taking back what it made. */
const TOKEN_SECONDS = 300;
/** Filter of a pool: the user's own, from the first to the last. */
const OWN = [-3, -1, -1];
/** All that the user may use, by rights and ACLs. */
const USABLE = [-2, -1, -1];

/** Acts with the rights of a user, as a server of OpenNebula does. */
export function userOrders(options: UserOrdersOptions, userName: string): UserOrders {
  const order = async (method: string, parameters: readonly XmlRpcValue[], signal: AbortSignal): Promise<string> => {
    const session = await userSession(options.serverAuthFile, userName, Date.now());
    return await orderOpenNebula(options, method, parameters, signal, session);
  };
  const slow: OpenNebulaOptions = { ...options, timeoutMs: Math.max(options.timeoutMs, ALLOCATE_MS) };
  const own = async (pool: string, element: string, signal: AbortSignal): Promise<readonly NamedObject[]> => {
    const method = `one.${pool}.info`;
    const root = readXml(await order(method, OWN, signal), `the document of ${method}`);
    return childrenOf(root, element).map((one) => ({
      id: numberOf(one, 'ID') ?? -1,
      name: textOf(one, 'NAME') ?? '',
      mark: textOf(child(one, 'TEMPLATE'), MARK),
    }));
  };
  return {
    allocateImage: async (template, datastoreId, signal) => {
      const session = await userSession(options.serverAuthFile, userName, Date.now());
      return idOf('one.image.allocate', await orderOpenNebula(slow, 'one.image.allocate', [template, datastoreId], signal, session));
    },
    deleteImage: async (id, signal) => void (await order('one.image.delete', [id], signal)),
    allocateTemplate: async (template, signal) => idOf('one.template.allocate', await order('one.template.allocate', [template], signal)),
    deleteTemplate: async (id, signal) => void (await order('one.template.delete', [id], signal)),
    ownImages: (signal) => own('imagepool', 'IMAGE', signal),
    ownTemplates: (signal) => own('templatepool', 'VMTEMPLATE', signal),
    backups: async (signal) => {
      const pool = readXml(await order('one.imagepool.info', USABLE, signal), 'the document of one.imagepool.info');
      // One that was never stored has no SOURCE, and is none yet.
      return backupImagesIn(pool).flatMap((one) => (textOf(one, 'SOURCE') === undefined ? [] : backupImage(one)));
    },
  };
}

/**
 * `serveradmin:alice:<token>`: how a server of OpenNebula acts for a user, with all the user's groups and without a trace in the user's
 * record. The token is `server:user:expires`, AES-256-CBC under the SHA-256 of the server's password in hex, of which the first 32 characters
 * are the key and the first 16 the vector; the same in 6.10 and 7.x.
 */
export async function userSession(file: string, userName: string, nowMs: number): Promise<string> {
  if (userName.includes(':')) throw new StorageError('bad_document', `TEMPLATE/USERNAME ${JSON.stringify(userName)} is no name of a user`);
  const [server = '', ...rest] = (await readSession(file, 'opennebula.server_auth_file')).split(':');
  const digest = createHash('sha256').update(rest.join(':')).digest('hex');
  const cipher = createCipheriv('aes-256-cbc', digest.slice(0, 32), digest.slice(0, 16));
  const token = `${server}:${userName}:${Math.floor(nowMs / 1000) + TOKEN_SECONDS}`;
  return `${server}:${userName}:${Buffer.concat([cipher.update(token, 'utf8'), cipher.final()]).toString('base64')}`;
}

function idOf(method: string, body: string): number {
  if (/^[0-9]{1,9}$/.test(body)) return Number(body);
  throw new StorageError('opennebula_unavailable', `${method}: the answer ${JSON.stringify(body.slice(0, 40))} is no id`);
}

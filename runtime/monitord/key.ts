import { createPublicKey, type KeyObject } from 'node:crypto';
import { asStorageError, StorageError } from '../errors.ts';
import { readSmall } from './settings.ts';

/**
 * onemonitord's RSA key: `text` is what OpenNebula tells of it, `file` a PEM file that is read instead. undefined: it has none. Throws bad_config.
 */
export async function publicKey(text: string | undefined, file: string | undefined): Promise<KeyObject | undefined> {
  const pem = file === undefined ? text : await readSmall(file);
  if (pem === undefined && file === undefined) return undefined;
  // oned's template keeps no line breaks.
  const [, kind, body = ''] = /-+BEGIN (RSA PUBLIC KEY|PUBLIC KEY)-+([^-]*)-+END/u.exec(pem ?? '') ?? [];
  try {
    if (kind === undefined) throw new StorageError('bad_config', 'it is not there or no PEM file');
    const key = createPublicKey(`-----BEGIN ${kind}-----\n${body.trim().replace(/\s+/gu, '\n')}\n-----END ${kind}-----\n`);
    if (key.asymmetricKeyType !== 'rsa') throw new StorageError('bad_config', `it is a key of type ${key.asymmetricKeyType}, not RSA`);
    return key;
  } catch (thrown) {
    const where = file ?? 'PUBKEY of onemonitord';
    throw new StorageError('bad_config', `${where}: cannot be used as public key: ${asStorageError(thrown).message}`, { cause: thrown });
  }
}

import { X509Certificate } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { StorageError } from '../errors.ts';
import { replaceFile } from './files.ts';

/** Beside the certificate, when anything was ever revoked. */
export const REVOCATION_FILE = 'crl.pem';

/** Serial numbers as Node and the library write them differ in case and in leading zeros. */
export function plainSerial(serial: string): string {
  return serial.toUpperCase().replace(/^0+(?=.)/u, '');
}

/** Which certificates of the authority are no longer accepted, for as long as a daemon lives. */
export class Revocations {
  #list: RevocationList = { number: 0, serials: new Set() };
  readonly #told = new Set<() => void>();
  #last: Promise<unknown> = Promise.resolve();

  /** The number of the list, which grows with each; 0: there is none yet. */
  get number(): number {
    return this.#list.number;
  }

  get serials(): ReadonlySet<string> {
    return this.#list.serials;
  }

  has(serial: string | undefined): boolean {
    return serial !== undefined && this.#list.serials.has(plainSerial(serial));
  }

  /** An older list is not taken: what was revoked stays revoked. False: it was older, or the same. */
  take(list: RevocationList): boolean {
    if (list.number <= this.#list.number) return false;
    this.#list = list;
    for (const tell of [...this.#told]) tell();
    return true;
  }

  /** One installation after the other: an older list that comes late must not replace the file of a newer one. */
  async inTurn<T>(work: () => Promise<T>): Promise<T> {
    const turn = this.#last.then(work);
    this.#last = turn.catch(() => undefined);
    return await turn;
  }

  /** `tell` is called after every new list, until the function that it gives is. */
  onChange(tell: () => void): () => void {
    this.#told.add(tell);
    return () => this.#told.delete(tell);
  }
}

export interface RevocationList {
  readonly number: number;
  readonly serials: ReadonlySet<string>;
}

/** CRL number of RFC 5280. */
const NUMBER = '2.5.29.20';

/** Reads an X.509 revocation list that the authority has signed. Throws bad_identity for any other. */
export async function readRevocations(pem: string, authority: string): Promise<RevocationList> {
  // Loaded by who needs it: it takes memory that an idle agent should not have.
  const { ECDSA, x509 } = await import('./x509.ts');
  try {
    const list = new x509.X509Crl(pem);
    const certificate = new X509Certificate(authority);
    const publicKey = await certificate.publicKey.toCryptoKey(ECDSA, true, ['verify']);
    if (!(await list.verify({ publicKey }))) throw new Error('the signature is of somebody else');
    const number = numberOf(list.extensions.find(({ type }) => type === NUMBER)?.value);
    return { number, serials: new Set(list.entries.map(({ serialNumber }) => plainSerial(serialNumber))) };
  } catch (thrown) {
    throw new StorageError('bad_identity', 'this is no revocation list of the authority', { cause: thrown });
  }
}

/** Keeps a list in an identity's directory and takes it, when it is newer. Gives whether it was. */
export async function installRevocations(
  identity: { readonly directory: string; readonly authority: string; readonly revocations: Revocations },
  pem: string,
): Promise<boolean> {
  const { directory, authority, revocations } = identity;
  return await revocations.inTurn(async () => {
    if (revocations.number > 0 && pem === (await readRevocationFile(directory))) return false;
    const list = await readRevocations(pem, authority);
    if (list.number <= revocations.number) return false;
    await replaceFile(join(directory, REVOCATION_FILE), pem, 0o644);
    return revocations.take(list);
  });
}

/** What a directory has. Throws bad_identity when it cannot be trusted: without it everything revoked would be accepted again. */
export async function loadRevocations(directory: string, authority: string): Promise<Revocations> {
  const revocations = new Revocations();
  const pem = await readRevocationFile(directory);
  if (pem === undefined) return revocations;
  try {
    revocations.take(await readRevocations(pem, authority));
    return revocations;
  } catch (thrown) {
    throw new StorageError('bad_identity', `${join(directory, REVOCATION_FILE)} is no revocation list of ca.pem beside it`, {
      cause: thrown,
    });
  }
}

export async function readRevocationFile(directory: string): Promise<string | undefined> {
  try {
    return await readFile(join(directory, REVOCATION_FILE), 'utf8');
  } catch (thrown) {
    if (thrown instanceof Error && Reflect.get(thrown, 'code') === 'ENOENT') return undefined;
    throw new StorageError('bad_identity', `${join(directory, REVOCATION_FILE)} cannot be read`, { cause: thrown });
  }
}

/** The number as DER writes it: tag, length, bytes. */
export function encodeNumber(number: number): Uint8Array<ArrayBuffer> {
  const hex = number.toString(16);
  // A first bit that is set would be a sign.
  const bytes = Buffer.from(hex.length % 2 === 1 ? `0${hex}` : hex, 'hex');
  const digits = (bytes[0] ?? 0) > 127 ? [0, ...bytes] : [...bytes];
  return Uint8Array.from([2, digits.length, ...digits]);
}

function numberOf(der: ArrayBuffer | undefined): number {
  const bytes = Buffer.from(new Uint8Array(der ?? new ArrayBuffer(0)));
  if (bytes[0] !== 2 || bytes.length < 3 || bytes.length !== 2 + (bytes[1] ?? 0)) throw new Error('it has no number');
  return Number.parseInt(bytes.subarray(2).toString('hex'), 16);
}

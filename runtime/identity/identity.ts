import { createPrivateKey, type KeyObject, X509Certificate } from 'node:crypto';
import { readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { asStorageError, StorageError } from '../errors.ts';
import { loadRevocations, type Revocations } from './revocation.ts';

export const ROLES = ['controller', 'agent', 'admin'] as const;
export type Role = (typeof ROLES)[number];

/** File names inside an identity directory. */
export const IDENTITY_FILES = { authority: 'ca.pem', certificate: 'cert.pem', key: 'key.pem' } as const;

/** Who a certificate speaks for. */
export interface Subject {
  readonly role: Role;
  readonly hostName: string;
  /** Of an agent; the others may have none. */
  readonly machineId: string | undefined;
}

/** This process's own certificate, checked. The three texts are PEM, the key PKCS#8. */
export interface Identity extends Subject {
  readonly certificate: string;
  readonly key: string;
  readonly authority: string;
  readonly directory: string;
  readonly notBefore: Date;
  readonly notAfter: Date;
  /** Whom not to trust any more. One for the life of a process: a renewed identity keeps it. */
  readonly revocations: Revocations;
}

/**
 * Reads the subject of a certificate of this authority: CN is the host name, OU the role, serialNumber the machine id.
 * Anything else is `bad_identity`: an attribute that is missing or stands twice says nothing.
 */
export function readSubject(subject: object): Subject {
  const word = (name: string): string | undefined => {
    const value: unknown = Reflect.get(subject, name);
    return typeof value === 'string' && value !== '' ? value : undefined;
  };
  const hostName = word('CN');
  const role = ROLES.find((known) => known === word('OU'));
  if (hostName === undefined || role === undefined) {
    throw new StorageError('bad_identity', 'the certificate names no host (CN) or no role (OU): it was not issued by onestorage');
  }
  const machineId = word('serialNumber');
  if (role === 'agent' && machineId === undefined)
    throw new StorageError('bad_identity', `the agent certificate of ${hostName} has no machine id`);
  return { role, hostName, machineId };
}

/**
 * Reads ca.pem, cert.pem and key.pem of a directory. `bad_identity` when one is missing or unreadable, the certificate has expired, is of
 * another authority or another role, the key does not belong to it, or the key may be read by others. `known`: revocations of a running daemon.
 */
export async function loadIdentity(directory: string, role: Role, known?: Revocations): Promise<Identity> {
  const [authority, certificate, key] = await Promise.all([
    readPem(directory, IDENTITY_FILES.authority),
    readPem(directory, IDENTITY_FILES.certificate),
    readPem(directory, IDENTITY_FILES.key),
  ]);
  await refuseSharedKey(join(directory, IDENTITY_FILES.key));
  const leaf = parseCertificate(join(directory, IDENTITY_FILES.certificate), certificate);
  const root = parseCertificate(join(directory, IDENTITY_FILES.authority), authority);
  const where = join(directory, IDENTITY_FILES.certificate);
  if (!leaf.checkIssued(root) || !leaf.verify(root.publicKey)) {
    throw new StorageError('bad_identity', `${where} was not issued by the authority in ${IDENTITY_FILES.authority} beside it`);
  }
  refuseUntimely(where, leaf);
  refuseUntimely(join(directory, IDENTITY_FILES.authority), root);
  if (!leaf.checkPrivateKey(parseKey(join(directory, IDENTITY_FILES.key), key))) {
    throw new StorageError('bad_identity', `${join(directory, IDENTITY_FILES.key)} is not the key of ${IDENTITY_FILES.certificate}`);
  }
  const subject = readSubject(leaf.toLegacyObject().subject);
  if (subject.role !== role) {
    throw new StorageError('bad_identity', `${where} is for the role ${subject.role}, this process needs the role ${role}`);
  }
  const revocations = known ?? (await loadRevocations(directory, authority));
  const { validFromDate: notBefore, validToDate: notAfter } = leaf;
  return { ...subject, certificate, key, authority, directory, notBefore, notAfter, revocations };
}

/** Parses PEM; the error names the file. */
export function parseCertificate(file: string, pem: string): X509Certificate {
  try {
    return new X509Certificate(pem);
  } catch (thrown) {
    throw new StorageError('bad_identity', `${file} is not a certificate in PEM`, { cause: thrown });
  }
}

export function parseKey(file: string, pem: string): KeyObject {
  try {
    return createPrivateKey(pem);
  } catch (thrown) {
    throw new StorageError('bad_identity', `${file} is not a private key in PEM`, { cause: thrown });
  }
}

async function readPem(directory: string, name: string): Promise<string> {
  try {
    return await readFile(join(directory, name), 'utf8');
  } catch (thrown) {
    throw new StorageError('bad_identity', asStorageError(thrown).message, { cause: thrown });
  }
}

// A key that others can read is no secret; refused like ssh does, because nobody reads a warning.
async function refuseSharedKey(file: string): Promise<void> {
  const { mode } = await stat(file);
  if ((mode & 0o077) !== 0) throw new StorageError('bad_identity', `${file} can be read by other users: chmod 600 ${file}`);
}

function refuseUntimely(file: string, certificate: X509Certificate): void {
  const now = Date.now();
  if (certificate.validToDate.getTime() < now) {
    throw new StorageError(
      'bad_identity',
      `${file} expired on ${certificate.validToDate.toISOString()}: renew it with onestorage pki renew, or let the host join again: onestorage host add`,
    );
  }
  if (certificate.validFromDate.getTime() > now) {
    throw new StorageError(
      'bad_identity',
      `${file} is valid only from ${certificate.validFromDate.toISOString()}: check the clock of this host`,
    );
  }
}

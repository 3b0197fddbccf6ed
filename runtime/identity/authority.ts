import { createHash, createPublicKey, generateKeyPairSync, type KeyObject, type webcrypto, type X509Certificate } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { isIP } from 'node:net';
import { join } from 'node:path';
import { asStorageError, StorageError } from '../errors.ts';
import { replaceFile, writeNew } from './files.ts';
import { IDENTITY_FILES, parseCertificate, parseKey, type Role, readSubject, type Subject } from './identity.ts';
import { plainSerial } from './revocation.ts';
import { ECDSA, x509 } from './x509.ts';

const DAY = 86_400_000;
const AUTHORITY_DAYS = 3650;
const DEFAULT_DAYS = 730;
// A host whose clock is a little behind must be able to use a new certificate at once.
const CLOCK_SKEW = 5 * 60_000;
const AUTHORITY_FILES = { certificate: 'ca.pem', key: 'ca-key.pem' } as const;
export interface CertificateRequest {
  readonly role: Role;
  /** As OpenNebula knows the host. */
  readonly hostName: string;
  /** /etc/machine-id of the host; an agent must have one. */
  readonly machineId?: string | undefined;
  /** Default 730; never beyond the end of the authority. */
  readonly days?: number | undefined;
  /** IP addresses under which others connect to the host. */
  readonly addresses?: readonly string[] | undefined;
}

/**
 * Makes an authority: ca.pem, ca-key.pem (0600). `already_exists` when there is one: its certificates would all become worthless.
 * A key without certificate, left by a killed run, is used.
 */
export async function createAuthority(directory: string, name = 'onestorage authority'): Promise<void> {
  await refuseExisting(join(directory, AUTHORITY_FILES.certificate), `${directory} holds an authority already and is not overwritten`);
  const key = await ensureKey(join(directory, AUTHORITY_FILES.key));
  const publicKey = await cryptoKey(createPublicKey(key), 'verify');
  const now = Date.now();
  const certificate = await x509.X509CertificateGenerator.createSelfSigned({
    name: [{ CN: [name] }],
    keys: { privateKey: await cryptoKey(key, 'sign'), publicKey },
    notBefore: new Date(now - CLOCK_SKEW),
    notAfter: new Date(now + AUTHORITY_DAYS * DAY),
    signingAlgorithm: ECDSA,
    extensions: [
      new x509.BasicConstraintsExtension(true, 0, true),
      new x509.KeyUsagesExtension(x509.KeyUsageFlags.keyCertSign | x509.KeyUsageFlags.cRLSign, true),
      await x509.SubjectKeyIdentifierExtension.create(publicKey),
    ],
  });
  await writeNew(join(directory, AUTHORITY_FILES.certificate), `${certificate.toString('pem')}\n`, 0o644);
}

/** Issues a certificate with a new key into the directory `out`: ca.pem, key.pem (0600), cert.pem. `already_exists` when `out` has one. */
export async function issueCertificate(authority: string, request: CertificateRequest, out: string): Promise<void> {
  refuseBadRequest(request);
  const issuer = await readAuthority(authority);
  await refuseExisting(join(out, IDENTITY_FILES.certificate), `${out} holds a certificate already: renew it, or choose another directory`);
  const key = await ensureKey(join(out, IDENTITY_FILES.key));
  const certificate = await sign(issuer, request, createPublicKey(key));
  await replaceFile(join(out, IDENTITY_FILES.authority), issuer.pem, 0o644);
  // Last: a directory with cert.pem is complete.
  await writeNew(join(out, IDENTITY_FILES.certificate), certificate, 0o644);
}

/** A certificate for a key that its holder made, which never comes here. PEM. */
export async function certify(authority: string, request: CertificateRequest, publicKey: KeyObject): Promise<string> {
  refuseBadRequest(request);
  return await sign(await readAuthority(authority), request, publicKey);
}

/**
 * Replaces the certificate of `identity` by one for the same subject, addresses and key. The key stays, because only one file can be
 * replaced in one step, and a daemon must never find a key and a certificate that do not belong together.
 */
export async function renewCertificate(authority: string, identity: string, days?: number): Promise<void> {
  const issuer = await readAuthority(authority);
  const file = join(identity, IDENTITY_FILES.certificate);
  const old = parseCertificate(file, await readText(file));
  if (!old.verify(issuer.certificate.publicKey)) throw new StorageError('bad_identity', `${file} is not of the authority in ${authority}`);
  const subject = readSubject(old.toLegacyObject().subject);
  const request = { ...subject, addresses: addressesOf(old), days };
  refuseBadRequest(request);
  await replaceFile(file, await sign(issuer, request, old.publicKey), 0o644);
}

/** A certificate for a person. */
export interface CertificateSummary extends Subject {
  readonly notAfter: Date;
  /** Whole days; negative when it has expired. */
  readonly daysLeft: number;
  /** SHA-256 of the certificate, hexadecimal. */
  readonly fingerprint: string;
  /** As revocation lists name it, hexadecimal. */
  readonly serial: string;
  readonly addresses: readonly string[];
  readonly file: string;
}

/** What the certificate of an identity directory says; expired ones too. */
export async function showCertificate(directory: string): Promise<CertificateSummary> {
  const file = join(directory, IDENTITY_FILES.certificate);
  const certificate = parseCertificate(file, await readText(file));
  return {
    ...readSubject(certificate.toLegacyObject().subject),
    notAfter: certificate.validToDate,
    daysLeft: Math.floor((certificate.validToDate.getTime() - Date.now()) / DAY),
    fingerprint: createHash('sha256').update(certificate.raw).digest('hex'),
    serial: plainSerial(certificate.serialNumber),
    addresses: addressesOf(certificate),
    file,
  };
}

/** An authority that can sign. */
export interface Issuer {
  readonly pem: string;
  readonly certificate: X509Certificate;
  readonly key: KeyObject;
}

/** Throws bad_identity when it is none, not_found when there is nothing. */
export async function readAuthority(directory: string): Promise<Issuer> {
  const file = join(directory, AUTHORITY_FILES.certificate);
  const keyFile = join(directory, AUTHORITY_FILES.key);
  const pem = await readText(file);
  const certificate = parseCertificate(file, pem);
  const key = parseKey(keyFile, await readText(keyFile));
  if (!certificate.ca || !certificate.checkPrivateKey(key)) {
    throw new StorageError('bad_identity', `${file} is no authority, or ${AUTHORITY_FILES.key} is not its key`);
  }
  return { pem, certificate, key };
}

async function sign(issuer: Issuer, request: CertificateRequest, publicKey: KeyObject): Promise<string> {
  const now = Date.now();
  const notAfter = Math.min(now + (request.days ?? DEFAULT_DAYS) * DAY, issuer.certificate.validToDate.getTime());
  const subjectKey = await cryptoKey(publicKey, 'verify');
  const certificate = await x509.X509CertificateGenerator.create({
    // 2.5.4.5 is the attribute serialNumber: the machine id.
    subject: [
      { CN: [request.hostName] },
      { OU: [request.role] },
      ...(request.machineId === undefined ? [] : [{ '2.5.4.5': [request.machineId] }]),
    ],
    issuer: new x509.X509Certificate(issuer.pem).subjectName,
    notBefore: new Date(Math.min(now, notAfter) - CLOCK_SKEW),
    notAfter: new Date(notAfter),
    publicKey: subjectKey,
    signingKey: await cryptoKey(issuer.key, 'sign'),
    signingAlgorithm: ECDSA,
    extensions: [
      new x509.BasicConstraintsExtension(false, undefined, true),
      new x509.KeyUsagesExtension(x509.KeyUsageFlags.digitalSignature, true),
      // An agent answers and calls (agent to agent) with the same certificate.
      new x509.ExtendedKeyUsageExtension([x509.ExtendedKeyUsage.serverAuth, x509.ExtendedKeyUsage.clientAuth]),
      new x509.SubjectAlternativeNameExtension(alternativeNames(request)),
      await x509.SubjectKeyIdentifierExtension.create(subjectKey),
      await x509.AuthorityKeyIdentifierExtension.create(await cryptoKey(createPublicKey(issuer.key), 'verify')),
    ],
  });
  return `${certificate.toString('pem')}\n`;
}

function alternativeNames(request: CertificateRequest): x509.JsonGeneralNames {
  const names = new Set([request.hostName, 'localhost', ...(request.addresses ?? [])]);
  return [...names].map((value) => ({ type: isIP(value) === 0 ? 'dns' : 'ip', value }));
}

/** IP addresses under which the certificate is valid. */
export function addressesOf(certificate: X509Certificate): string[] {
  return (certificate.subjectAltName ?? '')
    .split(', ')
    .filter((name) => name.startsWith('IP Address:'))
    .map((name) => name.slice('IP Address:'.length));
}

function refuseBadRequest({ role, hostName, machineId, addresses, days }: CertificateRequest): void {
  const refuse = (message: string): never => {
    throw new StorageError('bad_argument', message);
  };
  if (!/^[A-Za-z0-9][A-Za-z0-9._:-]{0,252}$/u.test(hostName)) refuse(`not a host name: '${hostName}'`);
  if (role === 'agent' && machineId === undefined) refuse('an agent needs a machine id: the content of /etc/machine-id of its host');
  if (machineId !== undefined && !/^[A-Za-z0-9._-]{1,64}$/u.test(machineId)) refuse(`not a machine id: '${machineId}'`);
  for (const address of addresses ?? []) if (isIP(address) === 0) refuse(`not an IP address: '${address}'`);
  if (days !== undefined && !Number.isFinite(days)) refuse(`not a number of days: ${days}`);
}

/** For the library, which signs with keys of Web Crypto. */
export function signingKey(key: KeyObject): Promise<webcrypto.CryptoKey> {
  return cryptoKey(key, 'sign');
}

async function cryptoKey(key: KeyObject, usage: 'sign' | 'verify'): Promise<webcrypto.CryptoKey> {
  return key.toCryptoKey(ECDSA, true, [usage]);
}

/** The key in the file; made first (0600, PKCS#8) when there is none. Never overwritten. */
export async function ensureKey(file: string): Promise<KeyObject> {
  try {
    return parseKey(file, await readFile(file, 'utf8'));
  } catch (thrown) {
    if (!(thrown instanceof Error) || Reflect.get(thrown, 'code') !== 'ENOENT') throw thrown;
  }
  const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  await writeNew(file, privateKey.export({ type: 'pkcs8', format: 'pem' }).toString(), 0o600);
  return privateKey;
}

async function readText(file: string): Promise<string> {
  try {
    return await readFile(file, 'utf8');
  } catch (thrown) {
    throw asStorageError(thrown, 'cannot read');
  }
}

async function refuseExisting(file: string, message: string): Promise<void> {
  try {
    await readFile(file);
  } catch (thrown) {
    if (thrown instanceof Error && Reflect.get(thrown, 'code') === 'ENOENT') return;
    throw asStorageError(thrown, 'cannot look for');
  }
  throw new StorageError('already_exists', message);
}

import { join } from 'node:path';
import { StorageError } from '../errors.ts';
import { type Issuer, readAuthority, signingKey } from './authority.ts';
import { replaceFile } from './files.ts';
import { withDirectoryLock } from './lock.ts';
import { encodeNumber, plainSerial, REVOCATION_FILE, readRevocationFile, readRevocations } from './revocation.ts';
import { ECDSA, x509 } from './x509.ts';

/**
 * Adds serial numbers to the authority's list of revoked certificates, crl.pem beside ca.pem, and gives the list. What is on it already stays, and
 * stays so for ever: a certificate that has ended is refused anyway.
 */
export async function revokeSerials(authority: string, serials: readonly string[]): Promise<string> {
  const issuer = await readAuthority(authority);
  // The controller and an administrator's command may do so at once: each adds to what the other wrote.
  return await withDirectoryLock(authority, () => addSerials(authority, issuer, serials));
}

async function addSerials(authority: string, issuer: Issuer, serials: readonly string[]): Promise<string> {
  for (const serial of serials) {
    if (!/^[0-9A-Fa-f]{1,40}$/u.test(serial))
      throw new StorageError('bad_argument', `'${serial}' is not the serial number of a certificate`);
  }
  const old = await readRevocationFile(authority);
  const before = old === undefined ? { number: 0, serials: new Set<string>() } : await readRevocations(old, issuer.pem);
  const all = new Set([...before.serials, ...serials.map(plainSerial)]);
  if (old !== undefined && all.size === before.serials.size) return old;
  const now = new Date();
  const list = await x509.X509CrlGenerator.create({
    issuer: new x509.X509Certificate(issuer.pem).subjectName,
    thisUpdate: now,
    nextUpdate: issuer.certificate.validToDate,
    entries: [...all].map((serial) => ({
      serialNumber: serial.padStart(serial.length + (serial.length % 2), '0').toLowerCase(),
      revocationDate: now,
    })),
    extensions: [new x509.Extension('2.5.29.20', false, encodeNumber(before.number + 1))],
    signingKey: await signingKey(issuer.key),
    signingAlgorithm: ECDSA,
  });
  // As RFC 7468 calls it; the library leaves X509 out, and openssl and GnuTLS want it.
  const pem = `${list.toString('pem').replaceAll(' CRL-----', ' X509 CRL-----')}\n`;
  await replaceFile(join(authority, REVOCATION_FILE), pem, 0o644);
  return pem;
}

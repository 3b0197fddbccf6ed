import { mkdtempSync, rmSync } from 'node:fs';
import { mkdtemp } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type CertificateRequest, createAuthority, issueCertificate } from '../../runtime/identity/authority.ts';
import { type Identity, loadIdentity, type Role } from '../../runtime/identity/identity.ts';

/** One authority a process: making keys is the slow part of a test with real TLS. */
let authority: Promise<string> | undefined;

const made: string[] = [];
const removeAll = (): void => {
  for (const directory of made.splice(0)) rmSync(directory, { recursive: true, force: true });
};
// A worker of vitest is ended without its exit event; elsewhere (test/lab) there is no vitest.
if (process.env['VITEST'] === undefined) process.once('exit', removeAll);
else (await import('vitest')).afterAll(removeAll);

/** Directory of the test authority; gone when the process ends. */
export function testAuthority(): Promise<string> {
  authority ??= makeAuthority();
  return authority;
}

/** An identity of the test authority, valid for 127.0.0.1, ::1 and localhost. An agent without `machineId` gets one from its host name. */
export async function testIdentity(role: Role, request: Partial<Omit<CertificateRequest, 'role'>> = {}): Promise<Identity> {
  return await loadIdentity(await testIdentityDirectory(role, request), role);
}

/** The same, not loaded: for what loadIdentity refuses, and for daemons that read the directory themselves. */
export async function testIdentityDirectory(role: Role, request: Partial<Omit<CertificateRequest, 'role'>> = {}): Promise<string> {
  const directory = await testAuthority();
  const hostName = request.hostName ?? 'localhost';
  const machineId = request.machineId ?? (role === 'agent' ? `machine-of-${hostName}` : undefined);
  const out = await mkdtemp(join(directory, `${role}-`));
  await issueCertificate(directory, { addresses: ['127.0.0.1', '::1'], ...request, role, hostName, machineId }, out);
  return out;
}

async function makeAuthority(): Promise<string> {
  const directory = mkdtempSync(join(tmpdir(), 'onestorage-pki-'));
  made.push(directory);
  await createAuthority(directory);
  return directory;
}

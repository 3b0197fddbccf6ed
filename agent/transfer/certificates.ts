import { mkdir, rename, rm, symlink } from 'node:fs/promises';
import path from 'node:path';
import { REVOCATION_FILE } from '../../runtime/identity/revocation.ts';

/** The names nbdkit and libnbd look for, and the identity's files they stand for. */
const NAMES = {
  'ca-cert.pem': 'ca.pem',
  // Both ends refuse who stands there, also when the connection is for data. Until something is revoked it leads nowhere, and they go on without.
  'ca-crl.pem': REVOCATION_FILE,
  'server-cert.pem': 'cert.pem',
  'server-key.pem': 'key.pem',
  'client-cert.pem': 'cert.pem',
  'client-key.pem': 'key.pem',
} as const;

/** A directory of links to the agent's certificate, as GnuTLS programs want it. Links: a renewed certificate is used at once. */
export async function certificateDirectory(stateDirectory: string, identityDirectory: string): Promise<string> {
  const directory = path.join(stateDirectory, 'tls');
  await mkdir(directory, { recursive: true, mode: 0o700 });
  for (const [name, file] of Object.entries(NAMES)) {
    const fresh = path.join(directory, `.${name}.${process.pid}.${Math.random().toString(36).slice(2)}`);
    try {
      await symlink(path.resolve(identityDirectory, file), fresh);
      await rename(fresh, path.join(directory, name));
    } finally {
      await rm(fresh, { force: true });
    }
  }
  return directory;
}

import { execFile } from 'node:child_process';
import { copyFile, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { expect, it, onTestFinished } from 'vitest';
import { nbdUri } from '../../../agent/tools/nbdcopy.ts';
import { startNbdkit } from '../../../agent/tools/nbdkit.ts';
import { certificateDirectory } from '../../../agent/transfer/certificates.ts';
import { showCertificate } from '../../../runtime/identity/authority.ts';
import { revokeSerials } from '../../../runtime/identity/revoke.ts';
import { freePort } from '../../helpers/free-port.ts';
import { testAuthority, testIdentityDirectory } from '../../helpers/pki.ts';
import { lacksPrograms } from './pair.ts';

const run = promisify(execFile);

it.skipIf(lacksPrograms)('a revoked certificate opens no data connection, and is not taken from a source', async () => {
  const directory = await mkdtemp(join(tmpdir(), 'onestorage-tls-'));
  onTestFinished(() => rm(directory, { recursive: true, force: true }));
  await writeFile(join(directory, 'file'), 'data');
  const [source, good, bad] = await Promise.all(['source', 'good', 'bad'].map((hostName) => testIdentityDirectory('agent', { hostName })));
  const links = (identity = '', name = ''): Promise<string> => certificateDirectory(join(directory, name), identity);
  const serve = async (certificates: string): Promise<(as: string) => Promise<string>> => {
    const port = await freePort();
    const options = { file: join(directory, 'file'), exportName: 'x', port, address: '127.0.0.1', pidFile: join(directory, `${port}.pid`) };
    const child = await startNbdkit({ ...options, certificates, bytesPerSecond: 0 }, { signal: new AbortController().signal });
    onTestFinished(async () => void (await child.kill()));
    return async (as) =>
      (await run('nbdinfo', ['--size', nbdUri({ host: '127.0.0.1', port, exportName: 'x', certificates: as })])).stdout.trim();
  };
  const [ofSource, ofGood, ofBad] = [await links(source, 'source'), await links(good, 'good'), await links(bad, 'bad')];
  // Nothing was ever revoked.
  const before = await serve(ofSource);
  expect([await before(ofGood), await before(ofBad)]).toEqual(['4', '4']);

  const authority = await testAuthority();
  await revokeSerials(authority, [(await showCertificate(bad ?? '')).serial]);
  for (const identity of [source, good]) await copyFile(join(authority, 'crl.pem'), join(identity ?? '', 'crl.pem'));
  const after = await serve(ofSource);
  expect(await after(ofGood)).toBe('4');
  await expect(after(ofBad)).rejects.toThrow();
  const stolen = await serve(ofBad);
  await expect(stolen(ofGood)).rejects.toThrow(/certificate/iu);
});

import { execFileSync, spawnSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { nbdcopy, nbdUri } from '../../../agent/tools/nbdcopy.ts';
import { startNbdkit } from '../../../agent/tools/nbdkit.ts';
import { hasProgram } from '../../../agent/tools/programs.ts';
import type { StartedProcess } from '../../../agent/tools/run.ts';
import { certificateDirectory } from '../../../agent/transfer/certificates.ts';
import { Ports } from '../../../agent/transfer/ports.ts';
import { testIdentityDirectory } from '../../helpers/pki.ts';
import { same } from '../transfer/hosts.ts';

const lacks = process.env['CI'] !== 'true' && !((await hasProgram('nbdkit')) && (await hasProgram('nbdcopy')));
const context = { signal: new AbortController().signal };
const NAME = 'an-unguessable-name';

describe.skipIf(lacks)('nbdkit and nbdcopy', () => {
  let directory: string;
  let certificates: string;
  const started: StartedProcess[] = [];

  beforeEach(async () => {
    directory = await mkdtemp(join(tmpdir(), 'onestorage-nbd-'));
    certificates = await certificateDirectory(directory, await testIdentityDirectory('agent'));
  });

  afterEach(async () => {
    await Promise.all(started.splice(0).map((child) => child.kill()));
    await rm(directory, { recursive: true, force: true });
  });

  const ports = new Ports({ first: 30_100 + (process.pid % 100) * 20, last: 30_119 + (process.pid % 100) * 20 });

  async function serve(file: string, port?: number): Promise<number> {
    const listen = async (chosen: number): Promise<void> => {
      const pidFile = join(directory, `pid-${chosen}`);
      const options = { file, exportName: NAME, port: chosen, address: '127.0.0.1', certificates, pidFile, bytesPerSecond: 0 };
      started.push(await startNbdkit(options, context));
    };
    if (port === undefined) return (await ports.claim(listen)).port;
    await listen(port);
    return port;
  }

  it.each([1, 511, 300_001, 5_000_000])('copies a file of %d bytes', async (size) => {
    const file = join(directory, 'file');
    await writeFile(file, randomBytes(size));
    const port = await serve(file);
    const done: number[] = [];
    const source = { host: '127.0.0.1', port, exportName: NAME, certificates };
    await nbdcopy(source, join(directory, 'copy'), { sizeBytes: size, onProgress: (part) => done.push(part) }, context);
    expect(await same(file, join(directory, 'copy'))).toBe(true);
    expect(done.at(-1)).toBe(1);
  });

  it('allocates every block when asked to', async () => {
    const file = join(directory, 'file');
    execFileSync('truncate', ['-s', '4M', file]);
    const source = { host: '127.0.0.1', port: await serve(file), exportName: NAME, certificates };
    const target = join(directory, 'copy');
    await nbdcopy(source, target, { sizeBytes: 4 << 20, preallocate: true }, context);
    expect(Number(execFileSync('stat', ['-c', '%b', target], { encoding: 'utf8' })) * 512).toBeGreaterThanOrEqual(4 << 20);
  });

  it('serves nobody without the name, without TLS, or with a certificate of another authority', async () => {
    const file = join(directory, 'file');
    await writeFile(file, 'content');
    const port = await serve(file);
    const good = { host: '127.0.0.1', port, exportName: NAME, certificates };
    const copy = (uri: string) => spawnSync('nbdcopy', [uri, '-'], { encoding: 'utf8' });
    expect(copy(nbdUri(good)).stdout).toBe('content');
    expect(copy(nbdUri({ ...good, exportName: 'other' })).stderr).toContain("no export named 'other'");
    expect(copy(nbdUri({ ...good, exportName: '' })).status).not.toBe(0);
    expect(copy(`nbd://127.0.0.1:${port}/${NAME}`).stderr).toContain('requires TLS');
    // The name is not one of the certificate's.
    expect(copy(nbdUri({ ...good, host: '127.0.0.9' })).status).not.toBe(0);
  });

  it('says which port is in use, and Ports takes the next', async () => {
    const file = join(directory, 'file');
    await writeFile(file, 'content');
    const server = createServer();
    const port = await new Promise<number>((resolve) => {
      server.listen(0, '127.0.0.1', () => resolve((server.address() as { port: number }).port));
    });
    await expect(serve(file, port)).rejects.toMatchObject({ reason: 'in_use', message: `port ${port} is in use` });
    server.close();
    const one = await serve(file);
    expect(await serve(file)).not.toBe(one);
  });

  it('says what is wrong in one line, without the secret name', async () => {
    await expect(serve(join(directory, 'missing'))).rejects.toMatchObject({
      reason: 'tool_failed',
      message: expect.stringContaining('No such file'),
    });
    const gone = { host: '127.0.0.1', port: 1, exportName: NAME, certificates };
    const failure = await nbdcopy(gone, join(directory, 'copy'), { sizeBytes: 1 }, context).catch((thrown: unknown) => thrown);
    expect(failure).toMatchObject({ reason: 'tool_failed' });
    expect(JSON.stringify([String(failure), Reflect.get(failure as object, 'detail')])).not.toContain(NAME);
  });
});

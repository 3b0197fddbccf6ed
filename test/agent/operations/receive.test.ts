import { execFile, execFileSync } from 'node:child_process';
import { randomBytes, randomUUID } from 'node:crypto';
import { lstat, mkdir, mkdtemp, readdir, readFile, readlink, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { ReceiveInput } from '../../../agent/operations/receive.ts';
import { hasProgram } from '../../../agent/tools/programs.ts';
import { MIB } from '../../../runtime/units.ts';
import { testIdentityDirectory } from '../../helpers/pki.ts';
import { openExport, startHost, type TestHost } from '../transfer/hosts.ts';

const lacks =
  process.env['CI'] !== 'true' && !((await hasProgram('nbdkit')) && (await hasProgram('nbdcopy')) && (await hasProgram('qemu-img')));
const MACHINE = 'machine-of-node2';

interface Ended {
  readonly code: number | null;
  readonly signal: string | null;
  readonly stdout: string;
}

/** Runs the receiver in a process of its own. */
function receiver(order: string, failpoints: string): Promise<Ended> {
  const env = { ...process.env, ONESTORAGE_FAILPOINTS: failpoints };
  return new Promise((resolve) => {
    const child = execFile(process.execPath, [join(import.meta.dirname, 'receiver.ts'), order], { env }, (_error, stdout, stderr) => {
      resolve({ code: child.exitCode, signal: child.signalCode, stdout: stdout + stderr });
    });
  });
}

describe.skipIf(lacks)('receive, killed at any point', () => {
  let source: TestHost;
  let work: string;
  let identity: string;

  beforeAll(async () => {
    source = await startHost('node1');
    work = await mkdtemp(join(tmpdir(), 'onestorage-receive-'));
    identity = await testIdentityDirectory('agent', { hostName: 'node2', machineId: MACHINE });
    const vm = source.at('0', '9');
    await mkdir(join(vm, 'disk.0.snap'), { recursive: true });
    await symlink('.', join(vm, 'disk.0.snap', 'disk.0.snap'));
    const layer = (n: number): string => join(vm, 'disk.0.snap', String(n));
    execFileSync('qemu-img', ['create', '-q', '-f', 'qcow2', layer(0), '16M']);
    execFileSync('qemu-io', ['-f', 'qcow2', '-c', 'write -P 3 0 2M', layer(0)]);
    execFileSync('qemu-img', ['create', '-q', '-f', 'qcow2', '-b', 'disk.0.snap/0', '-F', 'qcow2', layer(1)]);
    execFileSync('qemu-io', ['-f', 'qcow2', '-c', 'write -P 4 8M 1M', layer(1)]);
    await symlink('disk.0.snap/1', join(vm, 'disk.0'));
    await writeFile(join(vm, 'disk.1'), randomBytes(MIB));
  });

  afterAll(async () => {
    await source.stop();
    await rm(work, { recursive: true, force: true });
  });

  async function order(from: ReceiveInput['source'], target: ReceiveInput['target']) {
    const root = await mkdtemp(join(work, 'target-'));
    const operationId = randomUUID();
    const ticket = await openExport(source, { operationId, source: from.place, format: from.format, receiverMachineId: MACHINE });
    const input: ReceiveInput = { ticket, source: from, target, bytesPerSecond: 0 };
    const file = join(root, 'order.json');
    await writeFile(file, JSON.stringify({ root, identity, machineId: MACHINE, operationId, input }));
    return { file, at: (...words: string[]) => join(root, 'datastores', ...words) };
  }

  const image = async () => {
    const place = { datastoreId: 1, path: 'abc' };
    const made = await order(
      { place: { datastoreId: 0, path: '9/disk.0' }, format: 'qcow2', flat: false },
      { type: 'image', place, format: 'qcow2', withSnapshots: true },
    );
    await mkdir(made.at('1', 'abc.snap'), { recursive: true });
    await writeFile(made.at('1', 'abc'), 'old');
    await writeFile(made.at('1', 'abc.snap', '5'), 'old');
    return made;
  };

  it.each(['manifest.end', 'copy disk.0.snap/0.begin', 'copy disk.0.snap/0.end', 'prepare.end', 'arrange.end'])(
    'leaves the old image as it was when it dies at %s, and then finishes',
    async (point) => {
      const { file, at } = await image();
      expect(await receiver(file, `transfer.receive.${point}=kill`)).toMatchObject({ signal: 'SIGKILL' });
      expect(await readFile(at('1', 'abc'), 'utf8')).toBe('old');
      expect(await readFile(at('1', 'abc.snap', '5'), 'utf8')).toBe('old');
      await finishes(file, at);
    },
  );

  it.each(['publish.aside', 'publish.renamed', 'transfer.receive.publish.end', 'transfer.receive.clean.end'])(
    'finishes after it died at %s',
    async (point) => {
      const { file, at } = await image();
      expect(await receiver(file, `${point}=kill`)).toMatchObject({ signal: 'SIGKILL' });
      await finishes(file, at);
    },
  );

  async function finishes(file: string, at: (...words: string[]) => string): Promise<void> {
    const { code, stdout } = await receiver(file, '');
    expect([code, stdout]).toEqual([0, `${JSON.stringify({ format: 'qcow2', sizeBytes: 16 * MIB })}\n`]);
    expect(await readdir(at('1'))).toEqual(['abc', 'abc.snap']);
    expect(await readlink(at('1', 'abc'))).toBe('abc.snap/1');
    expect(await readdir(at('1', 'abc.snap'))).toEqual(['0', '1', 'disk.0.snap']);
    execFileSync('qemu-img', ['compare', '-f', 'qcow2', '-F', 'qcow2', source.at('0', '9', 'disk.0'), at('1', 'abc.snap', '1')]);
  }

  it('replaces a VM directory whole', async () => {
    const { file, at } = await order(
      { place: { datastoreId: 0, path: '9' }, format: '', flat: false },
      { type: 'directory', place: { datastoreId: 0, path: '9' }, monitor: '' },
    );
    await mkdir(at('0', '9'), { recursive: true });
    await writeFile(at('0', '9', 'stale'), 'old');
    expect(await receiver(file, 'publish.aside=kill')).toMatchObject({ signal: 'SIGKILL' });
    expect(await receiver(file, '')).toMatchObject({ code: 0 });
    expect(await readdir(at('0'))).toEqual(['9']);
    expect(await readdir(at('0', '9'))).toEqual(['disk.0', 'disk.0.snap', 'disk.1']);
  });

  async function localOrder(ids: { from: number; to: number }, operationId = 'local', user?: number) {
    const root = await mkdtemp(join(work, 'local-'));
    const at = (...words: string[]): string => join(root, 'datastores', ...words);
    const input: ReceiveInput = {
      ticket: { capability: '', address: '', hostName: 'node2', machineId: MACHINE },
      source: { place: { datastoreId: ids.from, path: '9' }, format: '', flat: false },
      target: { type: 'directory', place: { datastoreId: ids.to, path: '9' }, monitor: 'agent_local' },
      bytesPerSecond: 0,
    };
    const file = join(root, 'order.json');
    await writeFile(file, JSON.stringify({ root, identity, machineId: MACHINE, operationId, input, user }));
    return { file, at, root };
  }

  it.each([
    'transfer.receive.plan rename.end',
    'publish.aside',
    'publish.renamed',
    'transfer.receive.rename.end',
    'transfer.receive.clean.end',
  ])('renames a VM directory of the same host, and finishes after it died at %s', async (point) => {
    const { file, at } = await localOrder({ from: 0, to: 1 });
    await mkdir(at('0', '9'), { recursive: true });
    await writeFile(at('0', '9', 'disk.0'), 'content');
    await mkdir(at('1', '9'), { recursive: true });
    await writeFile(at('1', '9', 'stale'), 'old');
    const { ino } = await lstat(at('0', '9', 'disk.0'));
    expect(await receiver(file, `${point}=kill`)).toMatchObject({ signal: 'SIGKILL' });
    // At no time under a temporary name only.
    const names = [...(await readdir(at('0', '9')).catch(() => [])), ...(await readdir(at('1', '9')).catch(() => []))];
    expect(names).toContain('disk.0');
    expect(await receiver(file, '')).toMatchObject({ code: 0 });
    expect(await readdir(at('0'))).toEqual([]);
    expect((await lstat(at('1', '9', 'disk.0'))).ino).toBe(ino);
    expect(await readdir(at('1', '9'))).toEqual(['disk.0']);
    expect((await readdir(at('1'))).sort()).toEqual(['.monitor', '9']);
  });

  it('knows what it renamed before it died, although somebody made the source again', async () => {
    const { file, at } = await localOrder({ from: 0, to: 1 });
    await mkdir(at('0', '9'), { recursive: true });
    await writeFile(at('0', '9', 'disk.0'), 'content');
    expect(await receiver(file, 'publish.renamed=kill')).toMatchObject({ signal: 'SIGKILL' });
    await mkdir(at('0', '9'));
    expect(await receiver(file, '')).toMatchObject({ code: 0 });
    expect(await readdir(at('1', '9'))).toEqual(['disk.0']);
  });

  it('brings a renamed VM directory back when it cannot go on', async () => {
    const { file, at } = await localOrder({ from: 0, to: 1 });
    await mkdir(at('0', '9'), { recursive: true });
    await writeFile(at('0', '9', 'disk.0'), 'content');
    await mkdir(at('1', '9'), { recursive: true });
    await writeFile(at('1', '9', 'stale'), 'old');
    expect(await receiver(file, 'publish.renamed=reason:storage_failed')).toMatchObject({ code: 1 });
    expect(await readdir(at('0', '9'))).toEqual(['disk.0']);
    expect(await readdir(at('1', '9'))).toEqual(['stale']);
    expect((await readdir(at('1'))).sort()).toEqual(['.monitor', '9']);
  });

  it('renames a VM directory with files that the agent may not read', async () => {
    const { file, at, root } = await localOrder({ from: 0, to: 1 }, 'unreadable', process.getuid?.() === 0 ? 65_534 : undefined);
    await mkdir(at('0', '9'), { recursive: true });
    await mkdir(at('1'));
    await mkdir(join(root, 'state'));
    if (process.getuid?.() === 0) execFileSync('chown', ['-R', '65534', work]);
    await writeFile(at('0', '9', 'disk.0'), 'content', { mode: 0o000 });
    expect(await receiver(file, '')).toMatchObject({ code: 0, stdout: '{}\n' });
    expect(await readdir(at('0'))).toEqual([]);
    expect(await readdir(at('1', '9'))).toEqual(['disk.0']);
  });

  it.each(['directory', 'disk'])('refuses to receive a %s over itself through datastores that are links to one directory', async (type) => {
    const { file, at, root } = await localOrder({ from: 100, to: 101 });
    await mkdir(join(root, 'ssd', '9'), { recursive: true });
    await writeFile(join(root, 'ssd', '9', 'disk.0'), 'precious');
    await mkdir(at(), { recursive: true });
    for (const id of ['100', '101']) await symlink('../ssd', at(id));
    if (type === 'disk') {
      const order = JSON.parse(await readFile(file, 'utf8'));
      const place = { datastoreId: 101, path: '9/disk.0' };
      order.input.source.place.path = '9/disk.0';
      order.input.target = { type, place, format: '', sizeBytes: 0, preallocate: false, monitor: '' };
      await writeFile(file, JSON.stringify(order));
    }
    const { ino } = await lstat(join(root, 'ssd', '9', 'disk.0'));
    const { code, stdout } = await receiver(file, '');
    expect([code, stdout]).toEqual([1, expect.stringContaining('source and target are the same')]);
    expect(await readdir(join(root, 'ssd'))).toEqual(['9']);
    expect(await readdir(join(root, 'ssd', '9'))).toEqual(['disk.0']);
    expect((await lstat(join(root, 'ssd', '9', 'disk.0'))).ino).toBe(ino);
  });
});

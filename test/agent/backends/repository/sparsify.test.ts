import { execFileSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdir, open, stat, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { kernelFiles } from '../../../helpers/kernel.ts';
import { lacks } from '../../tools/context.ts';
import { BackupLab, missingServers } from './lab.ts';
import { mib } from './staged.ts';

const MINUTES = 60_000;
const incomplete =
  (await lacks('qemu-img', 'restic', 'virt-sparsify')) ||
  missingServers(['mke2fs', 'debugfs', 'e2fsck', 'apt-get', 'depmod']) ||
  (process.getuid?.() !== 0 && !existsSync('/lib/modules') && 'a directory /lib/modules');

const SIZE_MIB = 64;
const TEXT = 'what the guest keeps\n';

/** A file system on a disk that is full of what was deleted. */
async function makeUsed(work: string, qcow2: string): Promise<void> {
  const raw = path.join(work, 'used.raw');
  execFileSync('dd', ['if=/dev/urandom', `of=${raw}`, 'bs=1M', `count=${SIZE_MIB}`, 'status=none']);
  const content = path.join(work, 'content');
  await mkdir(content);
  await writeFile(path.join(content, 'kept'), TEXT);
  execFileSync('mke2fs', ['-q', '-F', '-t', 'ext4', '-E', 'nodiscard', '-d', content, raw]);
  execFileSync('qemu-img', ['convert', '-q', '-f', 'raw', '-O', 'qcow2', raw, qcow2]);
}

const allocatedBytes = async (file: string): Promise<number> => (await stat(file)).blocks * 512;

describe.skipIf(incomplete)('a merged backup', { timeout: 10 * MINUTES }, () => {
  let lab: BackupLab;
  beforeAll(async () => {
    const { image, version, modules } = await kernelFiles();
    vi.stubEnv('SUPERMIN_KERNEL', image);
    vi.stubEnv('SUPERMIN_KERNEL_VERSION', version);
    vi.stubEnv('SUPERMIN_MODULES', modules);
    // Also with a kernel of another place, supermin looks into it.
    await mkdir('/lib/modules', { recursive: true });
    lab = await BackupLab.start('local', [0]);
  }, 5 * MINUTES);
  afterAll(async () => {
    vi.unstubAllEnvs();
    await lab?.stop();
  });

  it('has no room for what the guest has deleted, when the datastore says so; the rest is as it was', async () => {
    await lab.stage(0);
    const full = path.join(lab.staging, 'disk.0.0');
    await makeUsed(lab.host.root, full);
    expect(await allocatedBytes(full)).toBeGreaterThan(mib(SIZE_MIB - 8));
    const { backupId: first = '' } = await lab.store(0);
    await lab.stage(1);
    execFileSync('qemu-img', ['create', '-q', '-f', 'qcow2', path.join(lab.staging, 'disk.0.1'), `${SIZE_MIB}M`]);
    const { backupId: second = '' } = await lab.store(1);
    const chain = [first, second].map((backupId, id) => ({ id, backupId }));
    const { chain: merged = [] } = await lab.flatten(chain, 1, undefined, true);
    expect(merged).toHaveLength(1);
    await lab.verify(merged);
    await lab.restore(merged, '0', 'sparse', 'raw');
    const restored = lab.at('sparse');
    expect(await allocatedBytes(restored)).toBeLessThan(mib(16));
    execFileSync('e2fsck', ['-fn', restored], { stdio: 'ignore' });
    expect(execFileSync('debugfs', ['-R', 'cat /kept', restored], { encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] })).toBe(TEXT);
    expect(await lab.leftovers()).toEqual([]);
  });

  it('is stored as it is when libguestfs knows no file system on it', async () => {
    await lab.stage(0);
    const full = path.join(lab.staging, 'disk.0.0');
    execFileSync('qemu-img', ['create', '-q', '-f', 'qcow2', full, '8M']);
    execFileSync('qemu-io', ['-f', 'qcow2', '-c', 'write -q -P 7 0 4M', full]);
    const { backupId: first = '' } = await lab.store(0);
    await lab.stage(1);
    execFileSync('qemu-img', ['create', '-q', '-f', 'qcow2', path.join(lab.staging, 'disk.0.1'), '8M']);
    const { backupId: second = '' } = await lab.store(1);
    const { chain: merged = [] } = await lab.flatten(
      [first, second].map((backupId, id) => ({ id, backupId })),
      1,
      undefined,
      true,
    );
    await lab.restore(merged, '0', 'as-it-was', 'raw');
    const handle = await open(lab.at('as-it-was'));
    const { buffer } = await handle.read(Buffer.alloc(mib(4)), 0, mib(4), 0);
    await handle.close();
    expect(buffer.every((byte) => byte === 7)).toBe(true);
  });
});

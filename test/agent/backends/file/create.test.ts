import { mkdir, open, readdir, readFile, rename, stat, symlink, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { describe, expect, it } from 'vitest';
import { createVolume, type NewVolume, undoCreateVolume } from '../../../../agent/backends/file/create.ts';
import { locate } from '../../../../agent/backends/file/places.ts';
import { convert, info } from '../../../../agent/tools/qemu-img.ts';
import { bytes, MIB } from '../../../../runtime/units.ts';
import { fakeContext, lacks, temporaryDirectory } from '../../tools/context.ts';
import { canMount, smallDatastore } from './small-disk.ts';

const PLACE = { datastoreId: 104, path: '9/disk.2' };
const EMPTY: NewVolume = { size: bytes(16 * MIB), format: 'raw', content: undefined, preallocate: false };
const incomplete = await lacks('qemu-img', 'mkfs.ext4', 'mkswap');

async function textAt(file: string, position: number, length: number): Promise<string> {
  const handle = await open(file);
  const { buffer } = await handle.read(Buffer.alloc(length), 0, length, position);
  await handle.close();
  return buffer.toString('latin1');
}

describe.skipIf(incomplete)('creating a disk', () => {
  it('makes a sparse raw one, and its directories', async () => {
    const located = await locate(await temporaryDirectory(), PLACE);
    const context = fakeContext();
    await createVolume(located, EMPTY, 'node2', context);
    const found = await stat(located.path);
    expect(found).toMatchObject({ size: 16 * MIB, blocks: 0 });
    expect(await readdir(located.directory)).toEqual(['disk.2']);
    expect(context).toMatchObject({ steps: ['make', 'publish'], committed: true });
  });

  it('makes a qcow2 one', async () => {
    const located = await locate(await temporaryDirectory(), PLACE);
    await createVolume(located, { ...EMPTY, format: 'qcow2' }, 'node2', fakeContext());
    expect(await info(located.path, 'qcow2', fakeContext())).toMatchObject({ virtualSize: 16 * MIB, backing: undefined });
  });

  it('makes file systems and swap in both formats', async () => {
    const located = await locate(await temporaryDirectory(), PLACE);
    for (const content of ['ext4', 'swap'] as const) {
      for (const format of ['raw', 'qcow2'] as const) {
        await createVolume(located, { ...EMPTY, format, content }, 'node2', fakeContext());
        const raw = format === 'raw' ? located.path : `${located.path}.raw`;
        if (format === 'qcow2') await convert(located.path, 'qcow2', raw, 'raw', {}, fakeContext());
        if (content === 'swap') expect(await textAt(raw, 4086, 10)).toBe('SWAPSPACE2');
        else expect(await textAt(raw, 1024 + 56, 2)).toBe('\x53\xef');
        expect((await stat(raw)).size).toBe(16 * MIB);
      }
    }
  });

  it('allocates when asked to', async () => {
    const located = await locate(await temporaryDirectory(), PLACE);
    for (const content of [undefined, 'ext4'] as const) {
      for (const format of ['raw', 'qcow2'] as const) {
        await createVolume(located, { ...EMPTY, format, content, preallocate: true }, 'node2', fakeContext());
        expect((await stat(located.path)).blocks * 512).toBeGreaterThanOrEqual(16 * MIB);
      }
    }
  });

  it('replaces a disk of an earlier prolog, with its snapshots', async () => {
    const located = await locate(await temporaryDirectory(), PLACE);
    const outside = path.join(located.root, 'image');
    await mkdir(`${located.path}.snap`, { recursive: true });
    await writeFile(outside, 'image');
    await writeFile(`${located.path}.snap/0`, 'old');
    await symlink('disk.2.snap/0', located.path);
    await createVolume(located, EMPTY, 'node2', fakeContext());
    expect(await readdir(located.directory)).toEqual(['disk.2']);
    await createVolume(located, { ...EMPTY, size: bytes(MIB) }, 'node2', fakeContext({ operationId: 'op-2' }));
    expect((await stat(located.path)).size).toBe(MIB);
    expect(await readFile(outside, 'utf8')).toBe('image');
  });

  it('refuses to replace a directory', async () => {
    const located = await locate(await temporaryDirectory(), PLACE);
    await mkdir(located.path, { recursive: true });
    const context = fakeContext();
    await expect(createVolume(located, EMPTY, 'node2', context)).rejects.toMatchObject({ reason: 'conflict' });
    expect(context.committed).toBe(false);
  });

  it('is finished by a second attempt, wherever the first one stopped', async () => {
    const located = await locate(await temporaryDirectory(), PLACE);
    await expect(createVolume(located, EMPTY, 'node2', fakeContext({ failIn: 'publish' }))).rejects.toThrow('publish');
    const first = fakeContext();
    let made: unknown;
    first.step = async (name, work) => {
      const result = await work();
      if (name === 'make') made = result;
      return result;
    };
    await createVolume(located, EMPTY, 'node2', first);
    // And when it had ended, but that was not on record: `make` is, so only `publish` runs again.
    const again = fakeContext();
    again.step = async (name, work) => (name === 'make' ? (made as never) : await work());
    await createVolume(located, EMPTY, 'node2', again);
    expect(await readdir(located.directory)).toEqual(['disk.2']);
    // A stage that has gone, and another file under the name: nothing says that this is what was made.
    await rename(located.path, `${located.path}.moved`);
    await writeFile(located.path, 'other');
    await expect(createVolume(located, EMPTY, 'node2', again)).rejects.toMatchObject({ reason: 'storage_failed' });
    expect(await readFile(located.path, 'utf8')).toBe('other');
  });

  it('leaves nothing when it is taken back', async () => {
    const located = await locate(await temporaryDirectory(), PLACE);
    const failing = fakeContext();
    failing.step = async (_name, work) => {
      await work();
      throw new Error('after the step');
    };
    await expect(createVolume(located, { ...EMPTY, content: 'ext4', format: 'qcow2' }, 'node2', failing)).rejects.toThrow('after');
    await undoCreateVolume(located, 'op-1');
    await undoCreateVolume(located, 'op-1');
    expect(await readdir(located.root)).toEqual([]);
  });

  it('takes back only what it made', async () => {
    const located = await locate(await temporaryDirectory(), PLACE);
    await mkdir(located.directory, { recursive: true });
    await writeFile(path.join(located.directory, 'disk.0'), '');
    await expect(createVolume(located, { ...EMPTY, content: 'xfs', size: bytes(4096) }, 'node2', fakeContext())).rejects.toThrow();
    await undoCreateVolume(located, 'op-1');
    expect(await readdir(located.directory)).toEqual(['disk.0']);
  });

  it('stops when it is cancelled, with what cancelled it', async () => {
    const located = await locate(await temporaryDirectory(), PLACE);
    const context = fakeContext({ signal: AbortSignal.abort() });
    await expect(createVolume(located, { ...EMPTY, format: 'qcow2' }, 'node2', context)).rejects.toMatchObject({ reason: 'cancelled' });
  });

  it('says before it starts that a preallocated disk does not fit', async () => {
    const located = await locate(await temporaryDirectory(), PLACE);
    const volume = { ...EMPTY, size: bytes(2 ** 50), preallocate: true };
    await expect(createVolume(located, volume, 'node2', fakeContext())).rejects.toMatchObject({
      reason: 'no_space',
      message: expect.stringMatching(/^no space left in datastore 104 on node2 \(needs 1024\.0 TiB, has [\d.]+ [KMGT]?i?B\)$/u),
    });
    await expect(readdir(located.root)).rejects.toThrow();
  });

  it.skipIf(!canMount)('says the same when the space runs out on the way (needs root to mount)', async () => {
    const located = await locate(await smallDatastore('128k'), PLACE);
    await expect(createVolume(located, { ...EMPTY, content: 'ext4' }, 'node2', fakeContext())).rejects.toMatchObject({
      reason: 'no_space',
      message: expect.stringMatching(/^no space left in datastore 104 on node2 \(needs 16\.0 MiB, has /u),
    });
    await undoCreateVolume(located, 'op-1');
    expect(await readdir(located.root)).toEqual([]);
  });
});

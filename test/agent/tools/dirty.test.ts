import { mkdtemp, rm } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { readBitmaps } from '../../../agent/backends/file/bitmaps.ts';
import { changeBitmap, compare, convert, create, rebase } from '../../../agent/tools/qemu-img.ts';
import { copyOnRead, markZero } from '../../../agent/tools/qemu-io.ts';
import { dirtyRanges } from '../../../agent/tools/qemu-nbd.ts';
import { bytes, MIB } from '../../../runtime/units.ts';
import { tool } from '../../lab/tools.ts';

/** What bitmaps of a qcow2 file tell, and copies of it. */

const SIZE = bytes(64 * MIB);
const context = { signal: new AbortController().signal };
let directory: string;
let disk: string;
const at = (name: string) => path.join(directory, name);

beforeEach(async () => {
  directory = await mkdtemp(path.join(os.tmpdir(), 'onestorage-dirty-'));
  disk = at('disk');
  await create(disk, 'qcow2', SIZE, {}, context);
});
afterEach(() => rm(directory, { recursive: true }));

const io = (file: string, ...commands: string[]) => tool('qemu-io', '-f', 'qcow2', ...commands.flatMap((command) => ['-c', command]), file);

describe('bitmaps', () => {
  it('are listed, and gone when they are removed', async () => {
    expect(await readBitmaps(disk)).toEqual([]);
    for (const name of ['one-9-0', 'a-rather-long-name-of-a-bitmap', 'one-9-1']) await changeBitmap(disk, 'add', name, context);
    expect((await readBitmaps(disk)).map(({ name }) => name).sort()).toEqual(['a-rather-long-name-of-a-bitmap', 'one-9-0', 'one-9-1']);
    expect((await readBitmaps(disk)).some(({ inUse }) => inUse)).toBe(false);
    await changeBitmap(disk, 'remove', 'one-9-0', context);
    expect((await readBitmaps(disk)).map(({ name }) => name).sort()).toEqual(['a-rather-long-name-of-a-bitmap', 'one-9-1']);
  });

  it('say where was written, also zeros', async () => {
    await io(disk, 'write -P 1 0 1M');
    await changeBitmap(disk, 'add', 'one-9-0', context);
    expect(await dirtyRanges(disk, 'one-9-0', context)).toEqual([]);
    await io(disk, 'write -P 2 1M 100', 'write -z 0 65536', 'write -P 3 40M 1M');
    expect(await dirtyRanges(disk, 'one-9-0', context)).toEqual([
      { offset: 0, length: 65_536 },
      { offset: MIB, length: 65_536 },
      { offset: 40 * MIB, length: MIB },
    ]);
  });
});

describe('copies', () => {
  it('of ranges lie over the older copy and are the disk', async () => {
    await io(disk, 'write -P 1 0 2M');
    await convert(disk, 'qcow2', at('full'), 'qcow2', {}, context);
    await changeBitmap(disk, 'add', 'one-9-0', context);
    await io(disk, 'write -z 0 1M', 'write -P 5 30M 3M');
    await create(at('increment'), 'qcow2', SIZE, { backing: { name: disk, format: 'qcow2' } }, context);
    const done: number[] = [];
    const options = { bytesPerSecond: 64 * MIB, onProgress: (count: number) => done.push(count) };
    await copyOnRead(at('increment'), await dirtyRanges(disk, 'one-9-0', context), options, context);
    expect(done.at(-1)).toBe(4 * MIB);
    await rebase(at('increment'), 'qcow2', { name: at('full'), format: 'qcow2' }, { unsafe: true }, context);
    expect(await compare(at('increment'), 'qcow2', disk, 'qcow2', context)).toBe(true);
  });

  it('of everything hide what is below', async () => {
    await io(disk, 'write -P 1 0 64M');
    await create(at('empty'), 'qcow2', SIZE, {}, context);
    await create(at('whole'), 'qcow2', SIZE, {}, context);
    await markZero(at('whole'), SIZE, context);
    await convert(at('empty'), 'qcow2', at('whole'), 'qcow2', { zeroed: true }, context);
    await rebase(at('whole'), 'qcow2', { name: disk, format: 'qcow2' }, { unsafe: true }, context);
    expect(await compare(at('whole'), 'qcow2', at('empty'), 'qcow2', context)).toBe(true);
  });

  it('fail in one line, and stop when they are cancelled', async () => {
    const outside = copyOnRead(disk, [{ offset: 128 * MIB, length: MIB }], { bytesPerSecond: 0 }, context);
    await expect(outside).rejects.toMatchObject({ reason: 'tool_failed', message: expect.stringMatching(/^qemu-io: read failed/) });
    const abort = new AbortController();
    const slow = copyOnRead(disk, [{ offset: 0, length: SIZE }], { bytesPerSecond: 1024, onProgress: () => abort.abort() }, abort);
    await expect(slow).rejects.toMatchObject({ reason: 'cancelled' });
  });
});

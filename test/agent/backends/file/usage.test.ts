import { stat, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { describe, expect, it } from 'vitest';
import { requireSpace, sayingSpace, usage } from '../../../../agent/backends/file/usage.ts';
import { StorageError } from '../../../../runtime/errors.ts';
import { GIB, MIB } from '../../../../runtime/units.ts';
import { temporaryDirectory } from '../../tools/context.ts';
import { canMount, smallDatastore } from './small-disk.ts';

describe('usage', () => {
  it('makes the directory only when told to', async () => {
    const root = path.join(await temporaryDirectory(), '104');
    await expect(usage(root, { create: false })).rejects.toThrow('ENOENT');
    const found = await usage(root, { create: true });
    expect((await stat(root)).isDirectory()).toBe(true);
    expect(found.total).toBeGreaterThanOrEqual(found.used + found.free);
  });

  it.skipIf(!canMount)('counts bytes (needs root to mount)', async () => {
    const root = path.join(await smallDatastore('4m'), '104');
    await writeFile(path.join(root, 'x'), Buffer.alloc(MIB));
    expect(await usage(root, { create: false })).toEqual({ total: 4 * MIB, used: MIB, free: 3 * MIB });
    await expect(requireSpace({ root: path.join(root, 'not/yet'), datastoreId: 104, hostName: 'node2' }, 20 * GIB)).rejects.toMatchObject({
      reason: 'no_space',
      message: 'no space left in datastore 104 on node2 (needs 20.0 GiB, has 3.0 MiB)',
    });
  });

  it('leaves other errors as they are', async () => {
    const of = { root: '/', datastoreId: 0, hostName: 'node2' };
    const other = new StorageError('tool_failed', 'it broke');
    await expect(sayingSpace(of, 1, () => Promise.reject(other))).rejects.toBe(other);
    const full = Object.assign(new Error('ENOSPC'), { code: 'ENOSPC' });
    await expect(sayingSpace(of, GIB, () => Promise.reject(full))).rejects.toThrow('no space left in datastore 0 on node2 (needs 1.0 GiB');
  });
});

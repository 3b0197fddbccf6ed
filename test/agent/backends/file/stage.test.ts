import { mkdir, readdir, readFile, symlink, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { describe, expect, it } from 'vitest';
import { discard, flush, publish, stagePath } from '../../../../agent/backends/file/stage.ts';
import { temporaryDirectory } from '../../tools/context.ts';

describe('stages', () => {
  it('stand beside the target and carry the operation', () => {
    expect(stagePath('/a/9/disk.0', 'op-1')).toBe('/a/9/.onestorage.op-1.disk.0');
    expect(() => stagePath('/a/9/disk.0', '../x')).toThrow('not an operation id');
    expect(() => stagePath('/a/9/disk.0', '')).toThrow('not an operation id');
  });

  it('replace the target at once', async () => {
    const target = path.join(await temporaryDirectory(), 'disk.0');
    const stage = stagePath(target, 'op-1');
    await writeFile(target, 'old');
    await writeFile(stage, 'new');
    await flush(stage);
    await publish(stage, target);
    expect(await readFile(target, 'utf8')).toBe('new');
    expect(await readdir(path.dirname(target))).toEqual(['disk.0']);
  });

  it('are discarded with all they hold, links not followed', async () => {
    const directory = await temporaryDirectory();
    const kept = path.join(directory, 'kept');
    await mkdir(kept);
    await writeFile(path.join(kept, 'file'), '');
    const stage = stagePath(path.join(directory, '9'), 'op-1');
    await mkdir(stage);
    await symlink(kept, path.join(stage, 'link'));
    await discard(stage);
    await discard(stage);
    expect(await readdir(directory)).toEqual(['kept']);
    expect(await readdir(kept)).toEqual(['file']);
    await expect(discard(kept)).rejects.toMatchObject({ reason: 'internal' });
  });
});

import { mkdir, readdir, readFile, readlink, symlink, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import { swapDisks } from '../../../agent/operations/swap-disks.ts';
import { createLogger } from '../../../runtime/log.ts';
import { Operations } from '../../../runtime/operations/operations.ts';
import { temporaryDirectory } from '../tools/context.ts';

async function makeVm() {
  const base = await temporaryDirectory();
  const operations = new Operations({ file: path.join(base, 'journal'), log: createLogger('test', 'silent') });
  onTestFinished(() => operations.stop());
  const datastores = path.join(base, 'datastores');
  const kind = swapDisks({ datastores });
  operations.register(kind);
  const vm = path.join(datastores, '107/9');
  await mkdir(path.join(vm, 'disk.1.snap'), { recursive: true });
  await writeFile(path.join(vm, 'disk.0'), 'old 0');
  await writeFile(path.join(vm, 'disk.1.snap/0'), 'old 1');
  await symlink('disk.1.snap/0', path.join(vm, 'disk.1'));
  for (const id of [0, 1, 2]) await writeFile(path.join(vm, `disk.${id}.backup`), `new ${id}`);
  const swap = (ids: readonly number[], replacement = (id: number) => `9/disk.${id}.backup`) => {
    const place = (text: string) => ({ datastoreId: 107, path: text });
    const disks = ids.map((id) => ({ disk: place(`9/disk.${id}`), replacement: place(replacement(id)) }));
    return operations.submit(kind, { id: `op-${ids.join('-')}`, subject: 'restore of VM 9', input: { disks } }).done;
  };
  return { vm, swap, content: (name: string) => readFile(path.join(vm, name), 'utf8') };
}

describe('swapDisks', () => {
  it('puts all in their places, over files, links with their snapshots, and nothing', async () => {
    const { vm, swap, content } = await makeVm();
    await swap([0, 1, 2]);
    expect((await readdir(vm)).sort()).toEqual(['disk.0', 'disk.1', 'disk.2']);
    expect(await Promise.all(['disk.0', 'disk.1', 'disk.2'].map(content))).toEqual(['new 0', 'new 1', 'new 2']);
  });

  it('touches nothing when one is missing or not beside its disk', async () => {
    const { vm, swap, content } = await makeVm();
    await expect(swap([0, 1, 3])).rejects.toMatchObject({ reason: 'not_found' });
    await expect(swap([2, 0], (id) => `8/disk.${id}.backup`)).rejects.toMatchObject({
      reason: expect.stringMatching(/bad_argument|not_found/),
    });
    await expect(swap([1, 0], (id) => `9/disk.${id}`)).rejects.toMatchObject({ reason: 'bad_argument' });
    expect(await content('disk.0')).toBe('old 0');
    expect(await readlink(path.join(vm, 'disk.1'))).toBe('disk.1.snap/0');
    expect((await readdir(vm)).filter((name) => name.startsWith('.'))).toEqual([]);
  });
});

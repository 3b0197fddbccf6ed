import { mkdtemp, open, rm, truncate, writeFile } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { isQcow2, readHeader } from '../../../../agent/backends/file/layers.ts';
import { program } from '../../../helpers/disks.ts';

let directory: string;
beforeEach(async () => {
  directory = await mkdtemp(path.join(os.tmpdir(), 'onestorage-layers-'));
});
afterEach(() => rm(directory, { recursive: true }));

const file = (name: string): string => path.join(directory, name);
const make = (...args: string[]): Promise<string> => program('qemu-img', 'create', '-q', ...args);

async function patch(name: string, at: number, ...values: number[]): Promise<void> {
  const handle = await open(file(name), 'r+');
  await handle.write(Buffer.from(values), 0, values.length, at);
  await handle.close();
}

it('reads what qemu-img wrote', async () => {
  await make('-f', 'qcow2', file('base'), '3M');
  await make('-f', 'qcow2', '-b', 'base', '-F', 'qcow2', file('top'), '5M');
  expect(await readHeader(file('base'))).toEqual({
    virtualSize: 3 * 2 ** 20,
    backingName: undefined,
    backingFormat: undefined,
    empty: true,
    savedStates: 0,
  });
  expect(await readHeader(file('top'))).toEqual({
    virtualSize: 5 * 2 ** 20,
    backingName: 'base',
    backingFormat: 'qcow2',
    empty: true,
    savedStates: 0,
  });
});

it.each([['compat=0.10'], ['extended_l2=on'], ['compression_type=zstd'], ['lazy_refcounts=on'], ['cluster_size=2M']])(
  'reads a file made with %s',
  async (option) => {
    await make('-f', 'qcow2', file('base'), '64M');
    await make('-f', 'qcow2', '-o', option, '-b', 'base', '-F', 'qcow2', file('top'));
    expect(await readHeader(file('top'))).toMatchObject({ virtualSize: 2 ** 26, backingName: 'base', backingFormat: 'qcow2', empty: true });
  },
);

it('tells an overlay with data from an empty one, zeros included', async () => {
  await make('-f', 'qcow2', file('a'), '1M');
  await program('qemu-io', '-f', 'qcow2', '-c', 'write -z 0 64k', file('a'));
  expect((await readHeader(file('a'))).empty).toBe(false);
});

it('takes a file with an internal snapshot for one with data', async () => {
  await make('-f', 'qcow2', file('a'), '1M');
  await program('qemu-img', 'snapshot', '-c', 'inner', file('a'));
  expect((await readHeader(file('a'))).empty).toBe(false);
});

it('refuses what is no whole qcow2 file, with the reason', async () => {
  await writeFile(file('short'), 'QFI\xfb', 'latin1');
  await writeFile(file('other'), Buffer.alloc(4096));
  await expect(readHeader(file('short'))).rejects.toMatchObject({ reason: 'broken_chain' });
  await expect(readHeader(file('other'))).rejects.toMatchObject({
    reason: 'broken_chain',
    message: `${file('other')}: qcow2 image has no header`,
  });
  await expect(readHeader(file('none'))).rejects.toMatchObject({ reason: 'not_found' });
});

it('refuses features that need another file or another reader', async () => {
  const refused = async (at: number, value: number): Promise<string> => {
    await make('-f', 'qcow2', file('a'), '1M');
    await patch('a', at, value);
    return await readHeader(file('a')).then(
      () => 'accepted',
      (error: Error) => error.message,
    );
  };
  expect(await refused(79, 4)).toContain('keeps its data in another file');
  expect(await refused(79, 2)).toContain('marked corrupt');
  expect(await refused(79, 32)).toContain('unknown features (0x20)');
  expect(await refused(35, 2)).toContain('encrypted');
  expect(await refused(7, 9)).toContain('version 9');
  expect(await refused(36, 255)).toContain('first level table that is too large');
  expect(await refused(79, 1)).toBe('accepted');
});

it('refuses a name that is too long or cut off', async () => {
  await make('-f', 'qcow2', file('base'), '1M');
  await make('-f', 'qcow2', '-b', 'base', '-F', 'qcow2', file('a'));
  await patch('a', 16, 0, 0, 4, 0);
  await expect(readHeader(file('a'))).rejects.toThrow('backing file name that is too long');
  await patch('a', 16, 0, 0, 3, 255);
  await truncate(file('a'), 600);
  await expect(readHeader(file('a'))).rejects.toThrow('outside the file');
});

it('knows the magic', async () => {
  await make('-f', 'qcow2', file('a'), '1M');
  await writeFile(file('b'), 'QF');
  expect([await isQcow2(file('a')), await isQcow2(file('b'))]).toEqual([true, false]);
});

import { open, readFile, symlink, truncate, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { describe, expect, it } from 'vitest';
import { checkHeader } from '../../../agent/images/gate.ts';
import { run } from '../../../agent/tools/run.ts';
import { MIB } from '../../../runtime/units.ts';
import { fakeContext, lacks, temporaryDirectory } from '../tools/context.ts';

const context = fakeContext();
const NONE = { backing: 'none' } as const;
const IMPORT = { backing: 'none', import: true } as const;
const incomplete = await lacks('qemu-img');

async function image(format: string, options: readonly string[] = []): Promise<string> {
  const file = path.join(await temporaryDirectory(), `image.${format}`);
  await run('qemu-img', ['create', '-q', '-f', format, ...options, '--', file, '8M'], context);
  return file;
}

async function patch(file: string, offset: number, bytes: Buffer): Promise<void> {
  const handle = await open(file, 'r+');
  await handle.write(bytes, 0, bytes.length, offset);
  await handle.close();
}

function u32(value: number): Buffer {
  const buffer = Buffer.alloc(4);
  buffer.writeUInt32BE(value);
  return buffer;
}

function u64(value: bigint): Buffer {
  const buffer = Buffer.alloc(8);
  buffer.writeBigUInt64BE(value);
  return buffer;
}

describe.skipIf(incomplete)('the header gate', () => {
  it.each([
    ['plain', []],
    ['version 2', ['-o', 'compat=0.10']],
    ['small clusters', ['-o', 'cluster_size=512']],
    ['large clusters', ['-o', 'cluster_size=2M']],
    ['subclusters', ['-o', 'extended_l2=on,cluster_size=128k']],
    ['zstd', ['-o', 'compression_type=zstd']],
    ['lazy refcounts', ['-o', 'lazy_refcounts=on']],
    ['wide refcounts', ['-o', 'refcount_bits=64']],
    ['preallocated', ['-o', 'preallocation=metadata']],
  ])('takes a qcow2 image of qemu-img: %s', async (_name, options) => {
    const file = await image('qcow2', options);
    for (const declared of ['qcow2', undefined] as const) {
      expect(await checkHeader(file, declared, IMPORT)).toEqual({ format: 'qcow2', virtualSize: 8 * MIB });
    }
    await expect(checkHeader(file, 'raw', IMPORT)).rejects.toMatchObject({ reason: 'bad_image' });
  });

  it('takes one with bitmaps, internal snapshots and no size', async () => {
    const file = await image('qcow2');
    await run('qemu-img', ['bitmap', '--add', '-f', 'qcow2', file, 'a'], context);
    await run('qemu-img', ['snapshot', '-q', '-c', 'one', file], context);
    expect((await checkHeader(file, 'qcow2', NONE)).virtualSize).toBe(8 * MIB);
    const empty = await image('qcow2');
    await run('qemu-img', ['create', '-q', '-f', 'qcow2', '--', empty, '0'], context);
    expect((await checkHeader(empty, 'qcow2', NONE)).virtualSize).toBe(0);
  });

  it.each(['vmdk', 'vdi', 'vpc', 'vhdx', 'qed', 'qcow', 'parallels'])('refuses %s, whatever it is declared as', async (format) => {
    const file = await image(format);
    for (const declared of ['qcow2', 'raw', undefined] as const) {
      await expect(checkHeader(file, declared, IMPORT)).rejects.toMatchObject({ reason: 'bad_image' });
    }
  });

  it('finds a fixed VHD by its footer, and a VMDK descriptor', async () => {
    const vhd = await image('vpc', ['-o', 'subformat=fixed']);
    await expect(checkHeader(vhd, 'raw', IMPORT)).rejects.toMatchObject({ message: expect.stringContaining('is a VHD image') });
    const vmdk = await image('vmdk', ['-o', 'subformat=monolithicFlat']);
    await expect(checkHeader(vmdk, undefined, IMPORT)).rejects.toMatchObject({ message: expect.stringContaining('is a VMDK image') });
    // The text alone is enough for qemu, without the comment that usually begins it.
    for (const text of ['version=1\nRW 8 FLAT "/etc/hostname" 0\n', '# any\n  \r\nversion=3\r\n']) {
      await writeFile(vmdk, text);
      await expect(checkHeader(vmdk, 'raw', IMPORT)).rejects.toMatchObject({ message: expect.stringContaining('is a VMDK image') });
    }
    await writeFile(vmdk, 'version=10\n');
    expect(await checkHeader(vmdk, 'raw', IMPORT)).toMatchObject({ format: 'raw' });
  });

  it('takes as raw what a disk holds: nothing, a partition table, an ISO, LUKS', async () => {
    const file = path.join(await temporaryDirectory(), 'disk');
    const contents: [number, Buffer][] = [
      [0, Buffer.alloc(1)],
      [510, Buffer.from([0x55, 0xaa])],
      [512, Buffer.from('EFI PART')],
      [32769, Buffer.from('CD001')],
      [0, Buffer.from('LUKS\xba\xbe', 'latin1')],
    ];
    for (const [offset, bytes] of contents) {
      await writeFile(file, '');
      await truncate(file, MIB + 1);
      await patch(file, offset, bytes);
      expect(await checkHeader(file, undefined, IMPORT)).toEqual({ format: 'raw', virtualSize: MIB + 1 });
      await expect(checkHeader(file, 'qcow2', NONE)).rejects.toMatchObject({ reason: 'bad_image' });
    }
  });

  it('never looks into a raw disk that a guest may have written', async () => {
    const file = await image('qcow2');
    const { length } = await readFile(file);
    expect(await checkHeader(file, 'raw', NONE)).toEqual({ format: 'raw', virtualSize: length });
  });

  it('refuses a backing file but the one that is allowed', async () => {
    const base = await image('qcow2');
    const file = path.join(path.dirname(base), 'top');
    await run('qemu-img', ['create', '-q', '-f', 'qcow2', '-b', 'image.qcow2', '-F', 'qcow2', '--', file], context);
    await expect(checkHeader(file, 'qcow2', NONE)).rejects.toMatchObject({
      reason: 'bad_image',
      message: `top: qcow2 image refers to another file ('image.qcow2')`,
    });
    await expect(checkHeader(file, 'qcow2', { backing: (name) => name === 'other' })).rejects.toMatchObject({ reason: 'bad_image' });
    expect((await checkHeader(file, 'qcow2', { backing: (name) => name === 'image.qcow2' })).virtualSize).toBe(8 * MIB);
  });

  it('refuses names of backing files that are no paths', async () => {
    const file = await image('qcow2', ['-u', '-b', 'json:{"driver":"raw"}', '-F', 'raw']);
    await expect(checkHeader(file, 'qcow2', { backing: () => true })).rejects.toMatchObject({
      message: expect.stringContaining('no path'),
    });
  });

  it('refuses an external data file, by its flag and by its name', async () => {
    const directory = await temporaryDirectory();
    const file = path.join(directory, 'image');
    const options = `data_file=${path.join(directory, 'data')},data_file_raw=on`;
    await run('qemu-img', ['create', '-q', '-f', 'qcow2', '-o', options, '--', file, '8M'], context);
    const message = 'image: qcow2 image keeps its data in another file';
    await expect(checkHeader(file, 'qcow2', NONE)).rejects.toMatchObject({ message });
    await patch(file, 72, u64(0n));
    await patch(file, 88, u64(0n));
    await expect(checkHeader(file, 'qcow2', NONE)).rejects.toMatchObject({ message });
  });

  it('refuses encryption, by its method and by its header', async () => {
    const encrypted = { message: expect.stringContaining('is encrypted') };
    const file = await image('qcow2');
    await patch(file, 32, u32(2));
    await expect(checkHeader(file, 'qcow2', NONE)).rejects.toMatchObject(encrypted);
    const other = await image('qcow2');
    await patch(other, 112, Buffer.concat([u32(0x0537be77), u32(16)]));
    await expect(checkHeader(other, 'qcow2', NONE)).rejects.toMatchObject(encrypted);
  });

  it.each<[string, number, Buffer, string]>([
    ['version', 4, u32(4), 'has version 4'],
    ['cluster bits', 20, u32(30), 'has clusters of'],
    ['size that is no number', 24, u64(2n ** 62n), 'says it is'],
    ['size that is no multiple of 512', 24, u64(1000n), 'not a multiple of 512'],
    ['size beyond the table', 24, u64(2n ** 50n), 'too small for its size'],
    ['huge first level table', 36, u32(0xffffffff), 'first level table that is too large'],
    ['first level table outside', 40, u64(2n ** 40n), 'first level table outside the file'],
    ['first level table in the header', 40, u64(0n), 'first level table outside the file'],
    ['refcount table outside', 48, u64(2n ** 63n), 'reference count table outside the file'],
    ['no refcounts', 56, u32(0), 'has no reference counts'],
    ['huge refcount table', 56, u32(100_000), 'reference count table that is too large'],
    ['internal snapshots', 60, u32(60_000), 'internal snapshots'],
    ['snapshot table outside', 60, u32(1), 'snapshot table outside'],
    ['corrupt', 72, u64(2n), 'is marked corrupt'],
    ['unknown feature', 72, u64(32n), 'needs unknown features (0x20)'],
    ['unknown high feature', 72, u64(2n ** 63n), 'needs unknown features'],
    ['refcount order', 96, u32(7), 'reference counts of'],
    ['header length', 100, u32(20), 'has a header of'],
    ['long header', 100, u32(65_536 * 2), 'has a header of'],
    ['compression', 104, Buffer.from([9]), 'unknown compression'],
    ['extension', 112, Buffer.concat([u32(1), u32(0xffffffff)]), 'header extension that is too long'],
    ['backing name outside', 8, u64(2n ** 40n), 'backing file outside the header'],
  ])('refuses a damaged %s', async (_name, offset, bytes, message) => {
    const file = await image('qcow2');
    await patch(file, offset, bytes);
    await expect(checkHeader(file, 'qcow2', NONE)).rejects.toMatchObject({
      reason: 'bad_image',
      message: expect.stringContaining(message),
    });
  });

  it('takes an image that was not closed', async () => {
    const file = await image('qcow2');
    await patch(file, 72, u64(1n));
    expect((await checkHeader(file, 'qcow2', NONE)).format).toBe('qcow2');
  });

  it('opens only plain files', async () => {
    const file = await image('qcow2');
    const link = `${file}.link`;
    await symlink(file, link);
    await expect(checkHeader(link, 'qcow2', NONE)).rejects.toMatchObject({ reason: 'conflict' });
    await expect(checkHeader(path.dirname(file), 'raw', NONE)).rejects.toMatchObject({ reason: 'bad_image' });
    await expect(checkHeader(`${file}.missing`, 'raw', NONE)).rejects.toMatchObject({ reason: 'not_found' });
    await expect(checkHeader('/dev/zero', undefined, IMPORT)).rejects.toMatchObject({ reason: 'bad_image' });
  });
});

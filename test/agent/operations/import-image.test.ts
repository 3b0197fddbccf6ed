import { execFileSync } from 'node:child_process';
import { readFile, rm, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import type { OperationEvent } from '../../../runtime/operations/types.ts';
import { sampleDisk, scratch } from '../origin/helpers.ts';
import { disk, ImportLab, pack, padded, sum } from '../origin/import-lab.ts';

const lab = new ImportLab();
const never = new AbortController().signal;
let qcow2: Buffer;

beforeAll(async () => {
  const root = await scratch();
  await writeFile(join(root.path, 'disk'), disk);
  execFileSync('qemu-img', ['convert', '-f', 'raw', '-O', 'qcow2', join(root.path, 'disk'), join(root.path, 'disk.qcow2')]);
  qcow2 = await readFile(join(root.path, 'disk.qcow2'));
  await root.remove();
});

async function eventsOf(events: AsyncIterable<OperationEvent>): Promise<OperationEvent[]> {
  const all: OperationEvent[] = [];
  for await (const event of events) all.push(event);
  return all;
}

describe('an import', () => {
  it.each(['file', 'address'])('of a raw disk from a %s keeps every byte and no zeros', async (from) => {
    const path = from === 'file' ? await lab.asFile(disk) : lab.server.serve('/disk', { content: disk });
    expect(await lab.run(path)).toEqual({ format: 'raw', sizeBytes: disk.length });
    expect((await readFile(lab.target)).equals(disk)).toBe(true);
    const { blocks, mode } = await stat(lab.target);
    expect(blocks * 512).toBeLessThan(disk.length - 1_000_000);
    expect(mode & 0o777).toBe(0o644);
    expect(await lab.leftovers()).toEqual(['image']);
  });

  it.each(['gzip', 'bzip2', 'xz', 'zstd'])('takes %s off, by what the file is and not by its name', async (program) => {
    const packed = pack(program, disk);
    const checksums = [{ algorithm: 'sha256' as const, hex: sum('sha256', packed) }];
    expect(await lab.run(lab.server.serve('/disk.img', { content: packed }), { checksums })).toEqual({
      format: 'raw',
      sizeBytes: disk.length,
    });
    expect((await readFile(lab.target)).equals(disk)).toBe(true);
    await rm(lab.target);
    expect(await lab.run(await lab.asFile(packed), { checksums })).toEqual({ format: 'raw', sizeBytes: disk.length });
    expect((await readFile(lab.target)).equals(disk)).toBe(true);
  });

  it('leaves compression alone when told to', async () => {
    const packed = pack('gzip', disk);
    await lab.run(await lab.asFile(packed), { origin: { noDecompress: true } });
    expect((await readFile(lab.target)).equals(packed)).toBe(true);
  });

  it('keeps qcow2 as it is, with the size a guest sees', async () => {
    const result = await lab.run(lab.server.serve('/disk', { content: qcow2 }));
    expect(result).toEqual({ format: 'qcow2', sizeBytes: Math.ceil(disk.length / 512) * 512 });
    expect((await readFile(lab.target)).equals(qcow2)).toBe(true);
  });

  it.each([
    ['raw', 'qcow2', ''],
    ['qcow2', 'raw', ''],
    ['raw', 'qcow2', 'staging'],
    ['qcow2', 'raw', 'staging'],
  ] as const)('converts %s to %s (staging directory: "%s")', async (from, convertTo, staging) => {
    const stagingDir = staging === '' ? '' : join(lab.host.root, staging);
    const content = from === 'raw' ? padded : qcow2;
    expect(await lab.run(lab.server.serve('/disk', { content: pack('gzip', content) }), { convertTo, stagingDir })).toEqual({
      format: convertTo,
      sizeBytes: padded.length,
    });
    expect((await lab.contentOf(convertTo)).equals(padded)).toBe(true);
    expect(await lab.leftovers()).toEqual(['image']);
  });

  it('converts nothing that has the format already', async () => {
    expect(await lab.run(await lab.asFile(qcow2), { convertTo: 'qcow2' })).toMatchObject({ format: 'qcow2' });
    expect((await readFile(lab.target)).equals(qcow2)).toBe(true);
  });

  it('does not look into what is opaque', async () => {
    for (const content of [qcow2, Buffer.alloc(0), Buffer.from('conectix')]) {
      expect(await lab.run(await lab.asFile(content), { opaque: true, convertTo: 'qcow2' })).toEqual({
        format: 'raw',
        sizeBytes: content.length,
      });
      expect((await readFile(lab.target)).equals(content)).toBe(true);
      await rm(lab.target);
    }
  });

  it.each(['file', 'address'])('allocates every block of a %s with SPARSE=no', async (from) => {
    await lab.run(from === 'file' ? await lab.asFile(disk) : lab.server.serve('/disk', { content: disk }), { preallocate: true });
    expect((await stat(lab.target)).blocks * 512).toBeGreaterThanOrEqual(disk.length);
  });

  it('goes on, or starts again, when the server breaks off', async () => {
    await lab.run(lab.server.serve('/a', { content: disk, endAfter: { bytes: 600_000, times: 1 } }), {
      checksums: [{ algorithm: 'md5', hex: sum('md5', disk) }],
    });
    expect((await readFile(lab.target)).equals(disk)).toBe(true);
    await rm(lab.target);
    const other = sampleDisk();
    const handle = lab.submit(lab.server.serve('/b', { content: disk, endAfter: { bytes: 600_000, times: 1 }, later: other }), {
      checksums: [{ algorithm: 'sha512', hex: sum('sha512', other) }],
    });
    const events = await eventsOf(handle.events(never));
    expect((await readFile(lab.target)).equals(other)).toBe(true);
    expect(events.some((event) => event.type === 'log' && /starting again/u.test(event.text))).toBe(true);
  });

  it('reports progress and figures', async () => {
    const events = await eventsOf(
      lab
        .submit(lab.server.serve('/disk', { content: disk }), { checksums: [{ algorithm: 'sha1', hex: sum('sha1', disk) }] })
        .events(never),
    );
    expect(events).toContainEqual(
      expect.objectContaining({ type: 'progress', progress: { step: 'download', doneBytes: disk.length, totalBytes: disk.length } }),
    );
    expect(events.at(-1)).toMatchObject({ type: 'success', figures: { movedBytes: disk.length, verifiedBytes: disk.length } });
  });
});

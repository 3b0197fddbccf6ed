import { execFileSync } from 'node:child_process';
import { readdir, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { StorageError } from '../../../runtime/errors.ts';
import { failureOf } from '../origin/helpers.ts';
import { disk, ImportLab, type More, pack, sum } from '../origin/import-lab.ts';

const lab = new ImportLab();

describe('an import that fails leaves nothing', () => {
  const short = { content: disk, length: disk.length + 1, endAfter: { bytes: 1000 }, validators: false };
  const vmdk = Buffer.concat([Buffer.from('KDMV'), disk]);
  const footer = Buffer.concat([disk, Buffer.from('conectix'), Buffer.alloc(504)]);
  const wrong = [{ algorithm: 'md5' as const, hex: '0'.repeat(32) }];

  it.each([
    ['a checksum that differs', { content: disk }, { checksums: wrong }, 'bad_checksum', /md5 of .* is [0-9a-f]{32}, expected 0{32}/u],
    [
      'a checksum of what was compressed',
      { content: pack('gzip', disk) },
      { checksums: [{ algorithm: 'md5', hex: sum('md5', disk) }] },
      'bad_checksum',
      /md5/u,
    ],
    ['a file that is missing', { content: disk, status: { code: 404 } }, {}, 'not_found', /404/u],
    ['gzip that ends early', { content: pack('gzip', disk).subarray(0, 400_000) }, {}, 'bad_image', /gzip data is damaged/u],
    [
      'bzip2 with more behind its end',
      { content: Buffer.concat([pack('bzip2', disk), disk, disk]) },
      {},
      'bad_image',
      /bzip2|more behind/u,
    ],
    ['a foreign format', { content: vmdk }, {}, 'bad_image', /VMDK/u],
    ['a foreign format that shows at the end', { content: footer }, {}, 'bad_image', /VHD/u],
    ['nothing', { content: Buffer.alloc(0) }, {}, 'bad_image', /empty/u],
    ['a zip archive', { content: Buffer.concat([Buffer.from('PK\x03\x04'), disk]) }, { opaque: true }, 'bad_image', /zip archive/u],
    ['a staging directory that is not there', { content: disk }, { stagingDir: '/no/such/directory' }, 'not_found', /STAGING_DIR/u],
  ] as const)('%s', async (_, served, more, reason, message) => {
    const path = lab.server.serve('/disk', served);
    const failure = await failureOf(lab.run(path, more as More));
    expect(failure).toMatchObject({ reason, message: expect.stringMatching(message) });
    expect(failure.message).not.toMatch(/\.onestorage\.|\n/u);
    expect(await lab.leftovers()).toEqual([]);
  });

  it('a checksum of a local file that differs', async () => {
    expect(await failureOf(lab.run(await lab.asFile(disk), { checksums: wrong }))).toMatchObject({ reason: 'bad_checksum' });
    expect(await lab.leftovers()).toEqual([]);
  });

  it('a tar archive, whatever it is packed in', async () => {
    const path = await lab.asFile(disk, 'inside');
    const tar = execFileSync('tar', ['-cf', '-', '-C', join(lab.host.root, 'images'), 'inside'], { maxBuffer: 1 << 26 });
    await rm(path);
    expect(await failureOf(lab.run(await lab.asFile(pack('xz', tar)), { opaque: true }))).toMatchObject({
      reason: 'bad_image',
      message: expect.stringContaining('tar archive'),
    });
    expect(await lab.leftovers()).toEqual([]);
  });

  it('an image that refers to another file', async () => {
    const path = join(lab.host.root, 'images', 'overlay');
    const backing = join(lab.host.root, 'secret');
    await writeFile(backing, disk);
    execFileSync('qemu-img', ['create', '-q', '-f', 'qcow2', '-b', backing, '-F', 'raw', path]);
    for (const convertTo of ['raw', 'qcow2'] as const) {
      expect(await failureOf(lab.run(path, { convertTo }))).toMatchObject({
        reason: 'bad_image',
        message: expect.stringContaining('refers to another file'),
      });
    }
    expect(await lab.leftovers()).toEqual([]);
  });

  it('a download that ends early, at every one of its tries', async () => {
    const failure = await failureOf(lab.run(lab.server.serve('/disk', short)));
    expect(failure).toMatchObject({ reason: 'origin_failed', message: expect.stringContaining(`of ${disk.length + 1} bytes`) });
    expect(lab.server.requests).toHaveLength(4);
    expect(await lab.leftovers()).toEqual([]);
  });

  it('a path that leads out of what is allowed', async () => {
    await symlink('/etc/hostname', join(lab.host.root, 'images', 'link'));
    for (const path of [
      '/etc/hostname',
      join(lab.host.root, 'images', 'link'),
      join(lab.host.root, 'state', 'journal.db'),
      join(lab.host.root, 'images', '..', 'pki'),
    ]) {
      expect(await failureOf(lab.run(path))).toMatchObject({ reason: 'restricted_path' });
    }
    expect(await lab.leftovers()).toEqual([]);
  });

  it('an image that is there already stays as it is', async () => {
    await writeFile(lab.target, 'there');
    expect(await failureOf(lab.run(await lab.asFile(disk)))).toMatchObject({ reason: 'already_exists' });
    expect(await readFile(lab.target, 'utf8')).toBe('there');
  });

  it('a cancel in the middle of a download', async () => {
    const handle = lab.submit(lab.server.serve('/disk', { content: pack('xz', disk), stallAfter: { bytes: 200_000 } }));
    while ((await readdir(lab.host.datastore)).length === 0) await new Promise((resolve) => setImmediate(resolve));
    expect(lab.host.agent.operations.cancel(handle.id, new StorageError('cancelled', 'not wanted'))).toBe(true);
    expect(await failureOf(handle.done)).toMatchObject({ reason: 'cancelled', message: 'not wanted' });
    expect(await lab.leftovers()).toEqual([]);
  });
});

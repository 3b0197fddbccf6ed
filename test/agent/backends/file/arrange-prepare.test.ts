import { execFileSync } from 'node:child_process';
import { chmod, mkdir, symlink, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { afterEach, describe, expect, it } from 'vitest';
import { stageOf } from '../../../../agent/backends/file/arrange.ts';
import { prepareDisk } from '../../../../agent/backends/file/arrange-prepare.ts';
import { findProgram } from '../../../../agent/tools/programs.ts';
import { MIB } from '../../../../runtime/units.ts';
import { fakeContext, lacks, temporaryDirectory } from '../../tools/context.ts';

const PATH = process.env['PATH'];
const incomplete = await lacks('qemu-img');

describe.skipIf(incomplete)('making one file of a chain', () => {
  afterEach(() => {
    process.env['PATH'] = PATH;
  });

  async function chain(backing = 'disk.0.snap/0') {
    const directory = await temporaryDirectory();
    const stage = stageOf(path.join(directory, 'abc'), 'op');
    const snapshots = path.join(stage.received, 'disk.0.snap');
    await mkdir(snapshots, { recursive: true });
    await symlink('.', path.join(snapshots, 'disk.0.snap'));
    const qemu = (...words: string[]) => execFileSync('qemu-img', words, { cwd: stage.received });
    await writeFile(path.join(directory, 'content'), Buffer.alloc(MIB, 7));
    qemu('convert', '-f', 'raw', '-O', 'qcow2', path.join(directory, 'content'), 'disk.0.snap/0');
    qemu('create', '-q', '-u', '-f', 'qcow2', '-b', backing, '-F', 'qcow2', 'disk.0.snap/1', String(MIB));
    await symlink('disk.0.snap/1', path.join(stage.received, 'disk.0'));
    const options = { name: 'disk.0', target: path.join(directory, 'abc'), sourceFormat: 'qcow2', format: 'raw', layered: false } as const;
    return {
      directory,
      prepare: () => prepareDisk(stage, { ...options, withSnapshots: false, sizeBytes: 0, preallocate: false }, fakeContext()),
    };
  }

  // libvirt's block jobs put the self link into the name once more each time.
  it.each(['disk.0.snap/0', 'disk.0.snap/disk.0.snap/disk.0.snap/0'])(
    'makes one file with what a chain holds that says %s',
    async (backing) => {
      const { directory, prepare } = await chain(backing);
      const { flattened, sizeBytes } = await prepare();
      expect(sizeBytes).toBe(MIB);
      execFileSync('cmp', [flattened ?? '', path.join(directory, 'content')]);
    },
  );

  it.each(['../in/disk.0.snap/0', 'disk.0.snap/../disk.0.snap/0', 'disk.0.snap/7', '/disk.0.snap/0'])(
    'refuses the backing name %s',
    async (backing) => {
      await expect((await chain(backing)).prepare()).rejects.toMatchObject({ reason: expect.stringMatching(/bad_image|broken_chain/) });
    },
  );

  it('refuses what differs from the chain', async () => {
    const { directory, prepare } = await chain();
    const programs = path.join(directory, 'programs');
    await mkdir(programs);
    const wrong = `dd if=/dev/zero of="$last" bs=1 seek=5000 count=1 conv=notrunc 2>/dev/null`;
    const qemu = await findProgram('qemu-img');
    await writeFile(
      path.join(programs, 'qemu-img'),
      `#!/bin/sh\n"${qemu}" "$@" || exit $?\nfor last; do :; done\nif [ "$1" = convert ]; then ${wrong}; fi\n`,
    );
    await chmod(path.join(programs, 'qemu-img'), 0o755);
    process.env['PATH'] = `${programs}:${PATH}`;
    await expect(prepare()).rejects.toMatchObject({ reason: 'storage_failed' });
  });
});

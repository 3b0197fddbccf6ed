import { execFileSync } from 'node:child_process';
import { writeFile } from 'node:fs/promises';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { guestFiles } from '../../../live/lab/guest-files.ts';
import { lacks } from '../../tools/context.ts';
import { BackupLab, missingServers } from './lab.ts';
import { mib } from './staged.ts';

const MINUTES = 60_000;
const incomplete =
  (await lacks('qemu-img', 'restic', 'qemu-system-x86_64')) ||
  missingServers(['busybox', 'gcc', 'cpio', 'apt-get', 'syslinux', 'mformat', 'mcopy']);

const CONFIGURATION = `DEFAULT linux
PROMPT 0
LABEL linux
KERNEL vmlinuz
INITRD initrd.gz
APPEND console=ttyS0 quiet agent=yes
`;

/** A disk that boots by itself: syslinux on FAT, Debian's kernel, and a guest agent, which is all that tells of its life: nothing asks for a login. */
async function makeBootable(work: string, qcow2: string): Promise<void> {
  const { kernel, initrd } = await guestFiles();
  const raw = path.join(work, 'linux.raw');
  const configuration = path.join(work, 'syslinux.cfg');
  await writeFile(configuration, CONFIGURATION);
  const geometry = ['-h', '16', '-s', '63', '-T', String(mib(40) / 512)];
  execFileSync('mformat', ['-C', '-F', '-i', raw, ...geometry, '::']);
  execFileSync('syslinux', ['--install', raw]);
  execFileSync('mcopy', ['-i', raw, configuration, kernel, initrd, '::']);
  execFileSync('qemu-img', ['convert', '-q', '-f', 'raw', '-O', 'qcow2', raw, qcow2]);
}

describe.skipIf(incomplete)('a backup of a guest with Linux', { timeout: 10 * MINUTES }, () => {
  let lab: BackupLab;
  beforeAll(async () => {
    lab = await BackupLab.start('local', [0]);
    await lab.stage(0);
    await makeBootable(lab.host.root, path.join(lab.staging, 'disk.0.0'));
  }, 5 * MINUTES);
  afterAll(() => lab.stop());

  it('is booted, and its guest agent answers', async () => {
    const { backupId = '' } = await lab.store(0);
    expect(await lab.boot([{ id: 0, backupId }], 300).done).toEqual({ answeredBy: 'guest agent', sizeBytes: expect.any(Number) });
  });
});

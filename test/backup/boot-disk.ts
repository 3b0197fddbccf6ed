import { truncate, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { tool } from '../lab/tools.ts';
import { guestFiles } from '../live/lab/guest-files.ts';

const SIZE_MB = 40;
/** What it takes to make one, and to boot it. */
export const BOOT_NEEDS = ['qemu-system-x86_64', 'syslinux', 'mformat', 'mcopy', 'busybox', 'gcc', 'cpio', 'apt-get'] as const;

/** A disk that a BIOS boots: the guest of the live suite, with syslinux on a file system of DOS. Its guest agent runs. qcow2. */
export async function bootDisk(directory: string, target: string): Promise<void> {
  const { kernel, initrd } = await guestFiles();
  const raw = path.join(directory, 'boot.raw');
  const configuration = path.join(directory, 'syslinux.cfg');
  await writeFile(raw, '');
  await truncate(raw, SIZE_MB * 1024 ** 2);
  const lines = ['DEFAULT lab', 'LABEL lab', 'KERNEL vmlinuz', 'INITRD initrd.gz', 'APPEND console=ttyS0 panic=-1 quiet agent=yes'];
  await writeFile(configuration, `${lines.join('\n')}\n`);
  await tool('mformat', '-i', raw, '-h', '16', '-s', '63', '-t', '81', '::');
  for (const [file, name] of [
    [kernel, 'vmlinuz'],
    [initrd, 'initrd.gz'],
    [configuration, 'syslinux.cfg'],
  ] as const) {
    await tool('mcopy', '-i', raw, file, `::${name}`);
  }
  await tool('syslinux', '--install', raw);
  await tool('qemu-img', 'convert', '-q', '-f', 'raw', '-O', 'qcow2', raw, target);
}

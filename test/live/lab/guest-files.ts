import { createHash } from 'node:crypto';
import { access, chmod, copyFile, mkdir, mkdtemp, readFile, rename, rm, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { kernelFiles } from '../../helpers/kernel.ts';
import { tool } from './tools.ts';

/** A kernel and a file system in memory that make a guest. */
export interface GuestFiles {
  readonly kernel: string;
  readonly initrd: string;
}

const SOURCES = fileURLToPath(new URL('guest', import.meta.url));
const CACHE = fileURLToPath(new URL('../../../node_modules/.cache/onestorage-guest', import.meta.url));

/** What the guest loads; what a kernel has built in is not found, and that is fine. */
const MODULES = [
  ...['virtio', 'virtio_ring', 'virtio_pci_legacy_dev', 'virtio_pci_modern_dev', 'virtio_pci', 'virtio_blk', 'virtio_console'],
  ...['crc16', 'libcrc32c', 'crc32c_generic', 'crc32c-intel', 'mbcache', 'jbd2', 'ext4'],
] as const;

/** Built once from Debian's cloud kernel, busybox and guest agent, and kept below node_modules/.cache. Needs the network the first time. */
export async function guestFiles(): Promise<GuestFiles> {
  const parts = await Promise.all(
    [...['init', 'writer.c', 'freeze-hook'].map((name) => path.join(SOURCES, name)), import.meta.filename].map((file) => readFile(file)),
  );
  const version = createHash('sha256').update(Buffer.concat(parts)).digest('hex').slice(0, 12);
  const directory = path.join(CACHE, version);
  const files = { kernel: path.join(directory, 'vmlinuz'), initrd: path.join(directory, 'initrd.gz') };
  if (await exists(files.initrd)) return files;
  await mkdir(CACHE, { recursive: true });
  const work = await mkdtemp(path.join(CACHE, 'build-'));
  try {
    await build(work);
    // Two builds at once end in the same files; the later one finds the name taken.
    await rename(path.join(work, 'out'), directory).catch(async (thrown: unknown) => {
      if (!(await exists(files.initrd))) throw thrown;
    });
  } finally {
    await rm(work, { recursive: true, force: true });
  }
  return files;
}

async function build(work: string): Promise<void> {
  const at = (...parts: string[]) => path.join(work, ...parts);
  const kernel = await kernelFiles();
  await tool('apt-get', ['-qq', 'download', 'qemu-guest-agent'], { cwd: work });
  const [deb = ''] = (await tool('find', ['.', '-name', 'qemu-guest-agent_*.deb'], { cwd: work })).trim().split('\n');
  await tool('dpkg-deb', ['-x', deb, 'qemu-guest-agent'], { cwd: work });
  for (const name of ['root/bin', 'root/proc', 'root/sys', 'root/dev', 'root/modules', 'out']) await mkdir(at(name), { recursive: true });
  await tool('gcc', ['-O1', '-static', '-o', at('root/bin/writer'), path.join(SOURCES, 'writer.c')]);
  await copyFile('/bin/busybox', at('root/bin/busybox'));
  await copyFile(path.join(SOURCES, 'init'), at('root/init'));
  await chmod(at('root/init'), 0o755);
  await copyFile(path.join(SOURCES, 'freeze-hook'), at('root/bin/freeze-hook'));
  await chmod(at('root/bin/freeze-hook'), 0o755);
  await addAgent(at('qemu-guest-agent/usr/sbin/qemu-ga'), at('root'));
  await addModules(kernel.modules, at('root/modules'));
  const names = await tool('find', ['.'], { cwd: at('root') });
  await writeFile(at('names'), names);
  await tool('sh', ['-c', 'cpio -o -H newc --quiet <../names | gzip -1 >../out/initrd.gz'], { cwd: at('root') });
  await copyFile(kernel.image, at('out/vmlinuz'));
}

/** The guest agent with the libraries it needs, which are those of this machine. */
async function addAgent(program: string, root: string): Promise<void> {
  await copyFile(program, path.join(root, 'bin/qemu-ga'));
  const libraries = (await tool('ldd', [program])).match(/\/\S+/g) ?? [];
  for (const library of libraries) {
    await mkdir(path.join(root, path.dirname(library)), { recursive: true });
    await copyFile(library, path.join(root, library));
  }
}

async function addModules(from: string, to: string): Promise<void> {
  const list: string[] = [];
  for (const name of MODULES) {
    const [file = ''] = (await tool('find', [from, '-name', `${name}.ko`])).trim().split('\n');
    if (file === '') continue;
    await copyFile(file, path.join(to, `${name}.ko`));
    list.push(`${name}.ko`);
  }
  await writeFile(path.join(to, 'list'), `${list.join('\n')}\n`);
}

async function exists(file: string): Promise<boolean> {
  return await access(file).then(
    () => true,
    () => false,
  );
}

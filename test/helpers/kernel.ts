import { access, mkdir, mkdtemp, readdir, rename, rm } from 'node:fs/promises';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { tool } from '../live/lab/tools.ts';

const CACHE = fileURLToPath(new URL('../../node_modules/.cache/onestorage-kernel', import.meta.url));
const NEWEST = 'linux-image-cloud-amd64';

/** Debian's kernel for virtual machines, with its modules. */
export interface KernelFiles {
  readonly image: string;
  readonly version: string;
  /** `…/lib/modules/<version>` */
  readonly modules: string;
}

/** Unpacked once, and kept below node_modules/.cache; nothing is installed. Needs the network the first time. */
export async function kernelFiles(): Promise<KernelFiles> {
  const depends = await tool('apt-cache', ['depends', NEWEST]);
  const name = /Depends: (linux-image-\S+)/.exec(depends)?.[1];
  if (name === undefined) throw new Error(`apt-cache knows no ${NEWEST}: run apt-get update`);
  const directory = path.join(CACHE, name);
  if (!(await exists(directory))) await unpack(name, directory);
  const [version = ''] = await readdir(path.join(directory, 'lib/modules'));
  return { image: path.join(directory, 'boot', `vmlinuz-${version}`), version, modules: path.join(directory, 'lib/modules', version) };
}

async function unpack(name: string, directory: string): Promise<void> {
  await mkdir(CACHE, { recursive: true });
  const work = await mkdtemp(path.join(CACHE, 'unpack-'));
  try {
    await tool('apt-get', ['-qq', 'download', name], { cwd: work });
    const [deb = ''] = await readdir(work);
    await tool('dpkg-deb', ['-x', deb, 'tree'], { cwd: work });
    const [version = ''] = await readdir(path.join(work, 'tree/lib/modules'));
    await tool('depmod', ['-b', path.join(work, 'tree'), version]);
    // Two at once end in the same files; the later one finds the name taken.
    await rename(path.join(work, 'tree'), directory).catch(async (thrown: unknown) => {
      if (!(await exists(directory))) throw thrown;
    });
  } finally {
    await rm(work, { recursive: true, force: true });
  }
}

async function exists(file: string): Promise<boolean> {
  return await access(file).then(
    () => true,
    () => false,
  );
}

import { mkdir, open, readdir, readFile, readlink, rename, symlink, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { expect, it, onTestFinished } from 'vitest';
import { markArrival, noteArrival, watchArrivals } from '../../../../agent/backends/live/arrivals.ts';
import { exposeLayer, nameChange } from '../../../../agent/backends/live/migration-names.ts';
import { createLogger } from '../../../../runtime/log.ts';
import { temporaryDirectory } from '../../tools/context.ts';

/** Directories that wait for a guest, in which the power went: libvirt answers nothing here. */

let base: string;
const state = () => path.join(base, 'state');
const uri = 'qemu+unix:///system?socket=/nowhere/libvirt-sock';

/** As premigrate leaves it: the disk's link leads to the layer that the guest was started with, not to the one it writes to. */
async function waiting(vm: string): Promise<string> {
  const directory = path.join(base, vm);
  await mkdir(path.join(directory, 'disk.0.snap'), { recursive: true });
  for (const layer of ['0', '1']) await writeFile(path.join(directory, 'disk.0.snap', layer), `layer ${layer}`);
  await symlink('disk.0.snap/0', path.join(directory, 'disk.0'));
  const disk = { path: path.join(directory, 'disk.0'), directory, name: 'disk.0' };
  await exposeLayer(directory, nameChange(disk, '1', false), 'op');
  await markArrival(directory, 'op');
  await noteArrival(state(), { uri, domain: `one-${vm}`, directory }, 'op');
  return directory;
}

/** The note as it would be had the kernel been started since. */
async function restartHost(vm: string): Promise<void> {
  const notes = path.join(state(), 'arrivals');
  for (const name of await readdir(notes)) {
    const file = path.join(notes, name);
    const note = JSON.parse(await readFile(file, 'utf8')) as Record<string, string>;
    if (note['domain'] !== `one-${vm}`) continue;
    await writeFile(`${file}.new`, JSON.stringify({ ...note, boot: 'of another day' }));
    await rename(`${file}.new`, file);
  }
}

it('have the usual names when the host starts again, and not while a guest may still come', async () => {
  base = await temporaryDirectory();
  const [gone, expected, inUse] = [await waiting('7'), await waiting('8'), await waiting('9')];
  const used = await open(path.join(inUse, 'disk.0.snap/0'));
  onTestFinished(() => used.close());
  for (const vm of ['7', '9']) await restartHost(vm);
  const watch = watchArrivals(state(), createLogger('test', 'silent'));
  onTestFinished(() => watch.stop());
  await expect.poll(() => readlink(path.join(gone, 'disk.0')), { timeout: 30_000 }).toBe('disk.0.snap/1');
  expect(await readFile(path.join(gone, 'disk.0'), 'utf8')).toBe('layer 1');
  await expect.poll(() => readdir(gone)).toEqual(['.onestorage.op.arriving', 'disk.0', 'disk.0.snap']);
  await expect.poll(async () => (await readdir(path.join(state(), 'arrivals'))).length).toBe(2);
  for (const directory of [expected, inUse]) expect(await readlink(path.join(directory, 'disk.0'))).toBe('disk.0.snap/0');
});

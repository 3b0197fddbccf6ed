import { execFileSync } from 'node:child_process';
import { readdirSync } from 'node:fs';
import { copyFile, mkdir, stat, truncate } from 'node:fs/promises';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { showsTheSame, stageVm } from '../agent/backends/repository/staged.ts';
import { exportName, isAsOf, STEPS, stageExport } from '../helpers/ceph-exports.ts';
import { newImage } from '../lab/life-images.ts';
import { vmDocument } from '../lab/opennebula/documents.ts';
import type { Image } from '../lab/opennebula/model.ts';
import { BackupSite, type BackupVm, missing } from './backup-site.ts';
import { backups } from './onestorage.ts';
import { PASSWORD } from './places.ts';
import { Matrix } from './report.ts';

const MINUTES = 60_000;
const matrix = new Matrix('disks exported from Ceph by a stock driver', ['repository', 'increment', 'way', 'seconds']);
afterAll(() => matrix.print());

/** A backup as the stock driver stores it: no checksums, no marks. Gives its id. */
type Store = (site: BackupSite, vm: BackupVm, directory: string) => Promise<string>;

const byRsync: Store = async (site, { vm }, directory) => {
  const id = Math.floor(Math.random() * 0x1000000)
    .toString(16)
    .padStart(6, '0');
  const target = path.join(site.place.repository(vm.id) ?? '', id);
  await mkdir(target, { recursive: true });
  for (const name of readdirSync(directory)) await copyFile(path.join(directory, name), path.join(target, name));
  return id;
};

const byRestic: Store = async (site, { vm }, directory) => {
  const repository = path.join(site.one.model.datastores.get(105)?.basePath ?? '', String(vm.id));
  const restic = (...words: string[]): string =>
    execFileSync('restic', ['-r', repository, '--no-cache', '--json', ...words], {
      env: { ...process.env, RESTIC_PASSWORD: PASSWORD.replaceAll(/['"]/gu, '') },
      encoding: 'utf8',
    });
  if (!readdirSync(path.dirname(repository)).includes(String(vm.id))) restic('init');
  const files = readdirSync(directory).map((name) => path.join(directory, name));
  const [, id = ''] = /"snapshot_id":"([0-9a-f]{8})/u.exec(restic('backup', '--force', '--tag', `one-${vm.id}`, ...files)) ?? [];
  return id;
};

describe.each([
  ['rsync', byRsync, 'rsync+rbd'],
  ['restic local', byRestic, 'restic+rbd'],
] as const)('what a stock driver has exported from Ceph to %s', { timeout: 5 * MINUTES }, (name, store, protocol) => {
  const lacks = missing(name).length > 0 && process.env['CI'] !== 'true';
  const test = (what: string, work: () => Promise<void>): unknown => it.skipIf(lacks)(what, work);
  let site: BackupSite;
  let vm: BackupVm;
  let image: Image;
  let golden: string;

  beforeAll(async () => {
    if (lacks) return;
    site = await BackupSite.start(name, { failpoints: {} });
    vm = await site.vm('INCREMENT');
    const increments: { id: number; source: string; sizeMb: number; type: 'FULL' | 'INCREMENT' }[] = [];
    for (const step of STEPS) {
      const directory = path.join(vm.directory, `staged-${step}`, String(vm.vm.id), 'backup');
      for (const disk of [0, 3]) await stageExport(directory, disk, step);
      await stageVm(directory, vmDocument(site.one.model, vm.vm));
      increments.push({ id: step, source: await store(site, vm, directory), sizeMb: 1, type: step === 0 ? 'FULL' : 'INCREMENT' });
    }
    image = {
      ...newImage(105, { id: 300, name: 'exported', type: 6, path: '' }),
      ...{ source: increments[0]?.source ?? '', format: 'rbd', owner: 'alice', backup: { vmId: vm.vm.id, diskIds: [0, 3], increments } },
    };
    site.one.model.images.set(image.id, image);
    Object.assign(vm.vm.backup ?? {}, { imageId: image.id, images: [image.id], lastIncrementId: 3 });
    golden = path.join(vm.directory, 'golden');
  }, 5 * MINUTES);
  afterAll(() => site?.stop(), MINUTES);

  const address = async (increment: number, disk = '0'): Promise<string> => {
    const listed = await site.one.ls(vm.vm, image, increment);
    expect(listed, listed.stderr).toMatchObject({ exit: 0 });
    return (JSON.parse(listed.stdout) as Record<string, string>)[disk] ?? '';
  };
  /** `cp` of an address into the image datastore. */
  const copied = async (from: string, id: number): Promise<Image> => {
    const made = newImage(106, { id, name: `image ${id}`, type: 0, path: from, sizeMb: 24, template: { FROM_BACKUP_DS: '105' } });
    site.one.model.images.set(id, made);
    const result = await site.one.image('cp', made);
    if (result.exit === 0) [made.source = '', made.format = ''] = result.info.split(' ');
    else made.error = result.info;
    return made;
  };

  test('is listed with the addresses that the stock downloader reads', async () => {
    for (const step of STEPS) {
      const links = Array.from({ length: step + 1 }, (_, id) => `${id}:[0-9a-f]+`).join(',');
      expect(await address(step, '3')).toMatch(
        new RegExp(`^${protocol.replace('+', '\\+')}://105//${links}/.*/${exportName(3, step)}$`, 'u'),
      );
    }
  });

  test('becomes an image of the datastore, at each increment', async () => {
    for (const step of STEPS) {
      const started = performance.now();
      const from = await address(step);
      const stat = await site.one.stat(from, 105);
      expect(stat, stat.stderr).toMatchObject({ exit: 0, info: '24' });
      const made = await copied(from, 400 + step);
      expect(made).toMatchObject({ format: 'raw' });
      expect(await isAsOf(site.fileOf(made), step), `increment ${step}`).toBe(true);
      matrix.add(name, String(step), 'cp', ((performance.now() - started) / 1000).toFixed(1));
    }
    const last = site.one.model.images.get(403);
    if (last !== undefined) await copyFile(site.fileOf(last), golden);
    expect(site.cluster.leftovers()).toEqual([]);
  });

  test('is converted for a datastore of another format', async () => {
    const datastore = site.one.model.datastores.get(106);
    if (datastore === undefined) throw new Error('there is no image datastore');
    site.one.model.datastores.set(106, { ...datastore, template: { DRIVER: 'qcow2' } });
    const made = await copied(await address(-1), 410);
    site.one.model.datastores.set(106, datastore);
    expect(made).toMatchObject({ format: 'qcow2' });
    expect(showsTheSame(site.fileOf(made), 'qcow2', golden)).toBe(true);
  });

  test('becomes new images and a template', async () => {
    const result = await site.one.restore(image, 106, { NAME: 'again', USERNAME: 'alice' });
    expect(result, result.stderr).toMatchObject({ exit: 0, info: expect.stringMatching(/^\d+ \d+ \d+$/u) });
    for (const each of await site.filled(result.info)) expect(await isAsOf(site.fileOf(each), 3), each.error).toBe(true);
    matrix.add(name, '3', 'new images', '');
  });

  test('takes the place of the disks, whatever their format', async () => {
    await vm.overwrite();
    const result = await site.restoreInPlace(vm.vm, image, -1, -1);
    expect(result, result.stderr).toMatchObject({ exit: 0 });
    // They were larger than what was backed up, and are again: with zeros behind it.
    for (const { id } of vm.disks) {
      const format = vm.vm.disks.find((disk) => disk.id === id)?.format ?? '';
      expect(showsTheSame(path.join(vm.directory, `disk.${id}`), format, golden), `disk ${id}`).toBe(true);
    }
    matrix.add(name, '3', 'in place', '');
    expect(site.cluster.leftovers()).toEqual([]);
  });

  test('is brought again when the agent is killed on the way', async () => {
    const agent = site.cluster.agent('frontend');
    await agent.arm('image.import.fetch-1.end=kill');
    const running = copied(await address(2), 420);
    await agent.exited;
    await agent.start();
    expect(await isAsOf(site.fileOf(await running), 2)).toBe(true);
    expect(site.cluster.leftovers()).toEqual([]);
  });

  test('is shown and verified by onestorage backups, and not merged', async () => {
    const shown = await backups(site, 'show', '300', '--json');
    expect(JSON.parse(shown.out)).toMatchObject({
      state: 'whole',
      increments: STEPS.map((id) => ({ id, full: id === 0, disks: ['0', '3'] })),
    });
    const read = await backups(site, 'verify', '300', '--json');
    expect(read.status, read.err).toBe(0);
    // A stock driver takes no checksums.
    expect(JSON.parse(read.out)).toMatchObject({
      differs: false,
      lines: expect.arrayContaining([expect.stringContaining('no checksum was taken')]),
    });
    const merged = await site.one.flatten(image, 2);
    expect(merged.exit).not.toBe(0);
    expect(merged.info).toMatch(/^increment_flatten: disk \d at \S+ was exported from Ceph, and its increments cannot be merged/u);
    expect(site.cluster.leftovers()).toEqual([]);
  });

  // Damage that restic does not see would be found in the same way.
  if (name === 'rsync')
    test('is refused in one line when it is damaged', async () => {
      const { source = '' } = image.backup?.increments[1] ?? {};
      const file = path.join(site.place.repository(vm.vm.id) ?? '', source, exportName(0, 1));
      await truncate(file, (await stat(file)).size - 1);
      expect((await copied(await address(2), 430)).error).toMatch(
        /disk\.0\.1\.rbdiff of backup [0-9a-f]{6} at \S+ cannot be read as an export of Ceph: it ends too early \(on frontend; restore an older backup, .*\)$/u,
      );
      const read = await backups(site, 'verify', '300', '--json');
      expect([read.status, JSON.parse(read.out)]).toMatchObject([1, { differs: true }]);
      expect(site.cluster.leftovers()).toEqual([]);
    });
});

import { lstat, readdir, readlink } from 'node:fs/promises';
import path from 'node:path';
import { afterAll, beforeAll, expect, it, onTestFailed } from 'vitest';
import { type MigratingVm, type MigrationSite, startMigratingVm, startMigrationSite } from './lab/migration-site.ts';

/** A guest changes its host while it runs and writes: through the shims and, between them, as OpenNebula's kvm driver has it migrated. */

let site: MigrationSite;
let vm: MigratingVm;
const ok = { exit: 0, info: '-' } as const;

beforeAll(async () => {
  site = await startMigrationSite(async () => undefined);
  vm = await startMigratingVm(site, 9, { agent: 'hung' });
}, 240_000);

afterAll(async () => {
  await site?.stop();
}, 60_000);

function onFailure(): void {
  onTestFailed(() => void process.stderr.write(`${site.cluster.logs(25)}\n${vm.guest.lines.slice(-5).join('\n')}\n`));
}

async function isThere(name: string): Promise<boolean> {
  return (await lstat(name).catch(() => undefined)) !== undefined;
}

it('migrates a guest without snapshots', async () => {
  onFailure();
  expect(await vm.hook('premigrate')).toMatchObject(ok);
  await vm.migrate();
  expect(await vm.hook('postmigrate', 'host01')).toMatchObject(ok);
  await vm.isAlive();
  await vm.verifyNow();
  expect(await isThere(vm.directory('host01'))).toBe(false);
  expect(await readlink(vm.file(0))).toBe('disk.0.snap/0');
  expect((await readdir(vm.directory())).sort()).toEqual(['disk.0', 'disk.0.snap', 'disk.1', 'disk.2', 'ds.xml', 'vm.xml']);
  expect((await readdir(path.join(vm.directory(), '..'))).sort()).toEqual(['.monitor', '9']);
  expect(vm.leftovers()).toEqual([]);
}, 120_000);

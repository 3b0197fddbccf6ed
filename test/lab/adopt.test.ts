import { execFile, spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { lstat, mkdir, readdir, readFile, rename, symlink, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Cluster, startCluster } from './cluster.ts';
import { addDatastores, addVm, imageDisk } from './models.ts';
import { makeRaw } from './origins.ts';
import { prolog } from './transfer-scripts.ts';

/** A datastore that changes hands on a running site, and the drivers as OpenNebula brings them to the hosts. */

const ONESTORAGE = path.join(import.meta.dirname, '../../packaging/onestorage');
const execute = promisify(execFile);
const hasRsync = spawnSync('rsync', ['--version']).status === 0;

let cluster: Cluster;

beforeAll(async () => {
  cluster = await startCluster({ agentOptions: { monitor: { interval_seconds: 1 } } });
  const { model } = cluster.one;
  addDatastores(model);
  const images = path.join(cluster.agent('frontend').datastores, '106');
  await mkdir(images, { recursive: true });
  await makeRaw(path.join(images, 'image'), 16, 0.5);
  // What a site has before: stock drivers, with the same files.
  for (const id of [106, 107]) {
    const datastore = model.datastores.get(id);
    if (datastore !== undefined) model.datastores.set(id, { ...datastore, tmMad: 'ssh', dsMad: id === 106 ? 'fs' : '-' });
  }
}, 180_000);

afterAll(async () => {
  await cluster?.stop();
});

async function ask(...words: readonly string[]): Promise<{ status: number; out: string; err: string }> {
  try {
    const { stdout, stderr } = await execute(ONESTORAGE, [...words, '--socket', cluster.site.socket]);
    return { status: 0, out: stdout, err: stderr };
  } catch (thrown) {
    const { code, stdout, stderr } = thrown as { code: number; stdout: string; stderr: string };
    return { status: code, out: stdout, err: stderr };
  }
}

const drivers = (id: number) => {
  const { tmMad, dsMad } = cluster.one.model.datastores.get(id) ?? { tmMad: '', dsMad: '' };
  return [tmMad, dsMad];
};

describe('onestorage adopt', { timeout: 300_000 }, () => {
  it('shows what it would change, changes it, and works with what was there', async () => {
    const { model } = cluster.one;
    const shown = await ask('adopt', '106');
    expect(shown).toMatchObject({ status: 0, err: '' });
    expect(shown.out).toContain('  TM_MAD  ssh -> agent_local\n  DS_MAD  fs -> agent_fs\n');
    expect(shown.out).toContain('nothing was changed');
    expect(drivers(106)).toEqual(['ssh', 'fs']);
    expect((await ask('adopt', '106', '--apply', '--force')).out).toContain('done; to take it back: onestorage adopt 106 --undo --apply');
    expect((await ask('adopt', '107', '--apply')).status).toBe(0);
    expect([drivers(106), drivers(107)]).toEqual([
      ['agent_local', 'agent_fs'],
      ['agent_local', '-'],
    ]);
    expect(await ask('adopt', '107')).toMatchObject({ status: 1, err: expect.stringContaining('has the drivers of onestorage already') });
    const source = `${model.datastoreLocation}/106/image`;
    const vm = addVm(model, { id: 51, disks: [imageDisk({ id: 0, source, sizeMb: 16 })], host: 'host01' });
    for (const { exit, stderr } of await cluster.one.tm(prolog(model, vm))) expect([exit, stderr]).toEqual([0, '']);
    Object.assign(vm, { state: 3, lcmState: 3 });
  });

  it('gives back what it had, and says what it does not know', async () => {
    const undone = await ask('adopt', '106', '--undo', '--apply');
    expect(undone).toMatchObject({ status: 0, err: '' });
    expect(drivers(106)).toEqual(['ssh', 'fs']);
    expect(await ask('adopt', '106', '--undo')).toMatchObject({
      status: 1,
      err: expect.stringContaining('nothing says what it had before'),
    });
    expect((await ask('adopt', '106', '--json')).out).toContain('"vms": 1');
    expect((await ask('adopt', '999')).err).toContain('OpenNebula has no datastore 999');
    const { model } = cluster.one;
    const other = model.datastores.get(106);
    if (other !== undefined) model.datastores.set(108, { ...other, id: 108, tmMad: 'ceph', dsMad: 'ceph' });
    expect((await ask('adopt', '108')).err).toMatch(/datastore 108 has TM_MAD ceph: only ssh, local.* can be switched over/);
  });

  it('does not switch over disks that cannot be opened', async () => {
    expect((await ask('adopt', '107', '--undo', '--apply')).status).toBe(0);
    const disk = path.join(cluster.agent('host01').datastores, '107/51/disk.0');
    await rename(disk, `${disk}.aside`);
    await symlink('disk.0.snap/7', disk);
    const refused = await ask('adopt', '107', '--apply');
    expect(refused).toMatchObject({
      status: 1,
      out: expect.stringMatching(/dangling_link +51\/disk\.0/),
      err: expect.stringMatching(
        /^onestorage: datastore 107 is not in order: \d of what was found must be mended first, or give --force; nothing was changed/,
      ),
    });
    expect(drivers(107)).toEqual(['ssh', '-']);
    await rename(`${disk}.aside`, disk);
    expect((await ask('adopt', '107', '--apply')).status).toBe(0);
    expect(drivers(107)).toEqual(['agent_local', '-']);
  });

  it('does not switch over what was not seen whole', async () => {
    await cluster.agent('frontend').kill('SIGKILL');
    expect(await ask('adopt', '106', '--apply')).toMatchObject({ status: 1, err: expect.stringContaining('nothing was changed') });
    await cluster.agent('frontend').start();
    expect(drivers(106)).toEqual(['ssh', 'fs']);
  });
});

describe.skipIf(!hasRsync && process.env['CI'] !== 'true')(
  'the drivers on a host, as OpenNebula copies them (rsync)',
  { timeout: 300_000 },
  () => {
    it.each([
      ['-Laz', '--delete'],
      ['-LRaz', '--delete'],
    ])('with %s answer the probe from the local agent, and go when they are taken away', async (...options) => {
      const copy = path.join(cluster.site.directory, `copy${options[0]}`);
      await mkdir(path.join(copy, 'tm/agent_local'), { recursive: true });
      await writeFile(path.join(copy, 'tm/agent_local/stale'), 'of an older version');
      const sync = () => execute('rsync', [...options, './', `${copy}/`], { cwd: cluster.site.remotes });
      await sync();
      expect(existsSync(path.join(copy, 'tm/agent_local/stale'))).toBe(false);
      // Links were followed: a host needs nothing but this tree.
      expect((await lstat(path.join(copy, 'tm/agent_local/monitor_ds'))).isFile()).toBe(true);
      expect(await readdir(path.join(copy, 'tm/agent_local'))).toEqual(await readdir(path.join(cluster.site.remotes, 'tm/agent_local')));
      const { datastores, socket } = cluster.agent('host01');
      const env = { PATH: process.env['PATH'] ?? '', ONESTORAGE_AGENT_SOCKET: socket };
      const probe = () => execute(path.join(copy, 'tm/agent_local/monitor_ds'), [`${datastores}/107`], { env });
      await expect.poll(async () => (await probe()).stdout, { timeout: 120_000, interval: 500 }).toMatch(/^VM = \[ ?ID ?= ?"?51"?/m);
      expect((await probe()).stderr).toBe('');
      expect(await readFile(path.join(copy, 'onestorage/shim.sh'), 'utf8')).toBe(
        await readFile(path.join(copy, 'tm/agent_local/clone'), 'utf8'),
      );
    });
  },
);

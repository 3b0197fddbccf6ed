import { execFile } from 'node:child_process';
import { once } from 'node:events';
import { cp, mkdir, open, readdir, readFile, rm, symlink, unlink, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { Finding } from '../../../../agent/backends/file/finding.ts';
import { type Inspection, inspectImages, inspectVms } from '../../../../agent/backends/file/inspect.ts';
import { quarantine } from '../../../../agent/operations/quarantine.ts';
import { newJournal, testContext } from '../../../helpers/context.ts';
import { makeDisk, program, type TestDisk, tree } from '../../../helpers/disks.ts';

let disk: TestDisk;
let options: Inspection;
beforeEach(async () => {
  disk = await makeDisk('qcow2', 'layers');
  options = {
    datastores: disk.datastores,
    datastoreId: 0,
    known: new Set(['9']),
    elsewhere: new Set(),
    moving: new Set(),
    isActive: () => false,
    signal: new AbortController().signal,
  };
});
afterEach(() => disk.remove());

async function collect(findings: AsyncIterable<Finding>): Promise<Finding[]> {
  const found: Finding[] = [];
  for await (const one of findings) found.push(one);
  return found;
}

const short = async (findings: AsyncIterable<Finding>): Promise<string[]> =>
  (await collect(findings)).map((one) => `${one.problem} ${one.path}${one.movable ? ' movable' : ''}`);
const vms = (more: Partial<Inspection> = {}): Promise<string[]> => short(inspectVms({ ...options, ...more }));
const images = (known: readonly string[], more: Partial<Inspection> = {}): Promise<string[]> =>
  short(inspectImages({ ...options, datastoreId: 1, known: new Set(known), ...more }));

/** As if the file system said it was made two hours ago: the time of the last change of an inode cannot be set. */
async function later<T>(work: () => Promise<T>): Promise<T> {
  const { now } = Date;
  Date.now = () => now() + 2 * 3600 * 1000;
  try {
    return await work();
  } finally {
    Date.now = now;
  }
}

describe('the inspection of a system datastore', () => {
  it('finds nothing where nothing is wrong, and nothing in a datastore that is not there', async () => {
    for (const name of ['.monitor', 'ds.xml']) await writeFile(path.join(disk.root, name), '');
    for (const name of ['.isofiles', '.quarantine', 'lost+found']) await mkdir(path.join(disk.root, name));
    for (const name of ['vm.xml', 'deployment.0', 'checkpoint', 'disk.1']) await writeFile(path.join(disk.directory, name), '');
    expect(await vms()).toEqual([]);
    expect(await vms({ datastoreId: 5, known: new Set() })).toEqual([]);
    expect(await images([], { datastoreId: 5 })).toEqual([]);
  });

  it('finds that a directory is missing', async () => {
    expect(await vms({ known: new Set(['9', '10']) })).toEqual(['missing_vm 10']);
    expect(await vms({ datastoreId: 5 })).toEqual(['missing_vm 9']);
  });

  it('finds what operations left, but not what one under way uses', async () => {
    for (const name of ['.onestorage.op-1.9', '9/.onestorage.op-1.receive.disk.2', '9/disk.0.snap/.onestorage.op-2.1']) {
      await writeFile(path.join(disk.root, name), 'x');
    }
    expect(await vms()).toEqual([
      'temporary_file .onestorage.op-1.9 movable',
      'temporary_file 9/.onestorage.op-1.receive.disk.2 movable',
      'temporary_file 9/disk.0.snap/.onestorage.op-2.1 movable',
    ]);
    expect(await vms({ isActive: (id) => id === 'op-1' })).toEqual(['temporary_file 9/disk.0.snap/.onestorage.op-2.1 movable']);
    expect(await vms({ isActive: (id) => ['op-1.receive', 'op-1', 'op-2'].includes(id) })).toEqual([]);
  });

  it('finds names that only a VM has which is migrated or backed up, and lets nobody set them aside', async () => {
    const at = (name: string) => path.join(disk.directory, name);
    await writeFile(at('disk.3'), 'the active layer');
    await mkdir(at('disk.3.snap'));
    await symlink('../disk.3', at('disk.3.snap/2'));
    for (const name of ['disk.2.migrating', '.onestorage.op-1.arriving']) await writeFile(at(name), '');
    for (const name of ['backup', 'tmp']) await mkdir(at(name));
    const rest = [
      'unended_migration 9/.onestorage.op-1.arriving',
      'unended_backup 9/backup',
      'unended_migration 9/disk.2.migrating',
      'unended_migration 9/disk.3',
    ];
    expect(await later(() => vms())).toEqual(rest);
    await writeFile(at('tmp/overlay_0.qcow2'), '');
    expect(await later(() => vms())).toEqual([...rest, 'unended_backup 9/tmp']);
    expect((await collect(inspectVms(options))).find((one) => one.path === '9/disk.2.migrating')?.text).toBe(
      'a live migration that was not ended put the active layer here: the next snapshot, backup or migration gives the disk its usual names',
    );
  });

  it('leaves a stage that may hold the only copy of a disk, and says what it is', async () => {
    const stages = { '.onestorage.op-1.10': 'in', '9/.onestorage.op-1.disk.1': 'new', '.onestorage.op-2.11': 'old' };
    for (const [stage, part] of Object.entries(stages)) {
      await mkdir(path.join(disk.root, stage, part), { recursive: true });
      await writeFile(path.join(disk.root, stage, part, 'disk.1'), 'precious');
    }
    await mkdir(path.join(disk.root, '.onestorage.op-3.12', 'in'), { recursive: true });
    expect(await later(() => vms())).toEqual([
      'temporary_file .onestorage.op-1.10',
      'temporary_file .onestorage.op-2.11',
      'temporary_file .onestorage.op-3.12 movable',
      'temporary_file 9/.onestorage.op-1.disk.1',
    ]);
    const [first] = await collect(inspectVms(options));
    expect(first?.text).toBe(
      "an operation that has ended left it behind, and it may hold the only copy of a disk: look into 'in' (what was received: disk.1), move back what is needed, then remove it",
    );
  });

  it('finds directories that belong to nobody, or to a virtual machine of another host', async () => {
    for (const name of ['10', '11', '12'])
      await cp(disk.directory, path.join(disk.root, name), { recursive: true, verbatimSymlinks: true });
    const more = { elsewhere: new Set(['11']), moving: new Set(['12']) };
    expect(await vms(more)).toEqual(['unknown_vm 10', 'left_behind_vm 11', 'left_behind_vm 12']);
    expect(await later(() => vms(more))).toEqual(['unknown_vm 10 movable', 'left_behind_vm 11 movable', 'left_behind_vm 12']);
    const [first] = await collect(inspectVms({ ...options, ...more }));
    expect(first?.text).toBe('OpenNebula has no virtual machine with this id; it is younger than an hour, so it may be on its way');
    expect(first?.allocatedBytes).toBeGreaterThan(100_000);
  });

  it('leaves alone what is no business of the drivers', async () => {
    await mkdir(path.join(disk.root, 'backup-of-an-admin'));
    await writeFile(path.join(disk.root, '13'), '');
    await mkdir(path.join(disk.root, '007'));
    expect(await later(() => vms())).toEqual(['unknown_file 007', 'unknown_file 13', 'unknown_file backup-of-an-admin']);
  });

  it('finds disks that cannot be opened', async () => {
    await symlink('disk.1.snap/3', path.join(disk.directory, 'disk.1'));
    const overlay = path.join(`${disk.path}.snap`, '1');
    await program('qemu-img', 'create', '-q', '-u', '-f', 'qcow2', '-b', 'disk.0.snap/7', '-F', 'qcow2', overlay, '512k');
    await unlink(disk.path);
    await symlink('disk.0.snap/1', disk.path);
    const found = await collect(inspectVms(options));
    expect(found.map(({ problem, path: name, movable }) => [problem, name, movable])).toEqual([
      ['broken_chain', '9/disk.0', false],
      ['dangling_link', '9/disk.1', false],
    ]);
    expect(found[0]?.text).toContain('its backing file disk.0.snap/7 is missing');
    expect(found[1]?.text).toBe('it points at disk.1.snap/3, which is missing');
  });

  it("reads no guest's bytes: a raw disk may look like a broken qcow2 file", async () => {
    const evil = path.join(disk.directory, 'disk.1');
    await program('qemu-img', 'create', '-q', '-u', '-f', 'qcow2', '-b', '/etc/passwd', '-F', 'raw', evil, '512k');
    await mkdir(`${evil}.snap`);
    await cp(evil, `${evil}.snap/0`);
    expect(await vms()).toEqual([]);
  });
});

describe('the inspection of an image datastore', () => {
  it('finds images of nobody, missing ones, leftovers and broken ones', async () => {
    const root = path.join(disk.datastores, '1');
    const lost = 'b'.repeat(32);
    await mkdir(path.join(root, 'aa.snap'), { recursive: true });
    await mkdir(path.join(root, `${lost}.snap`));
    await mkdir(path.join(root, 'isos'));
    for (const name of ['aa', 'aa.md5sum', 'aa.snap/.onestorage.op-1.2', lost, `${lost}.md5sum`, '.onestorage.op-1.cc'])
      await writeFile(path.join(root, name), '');
    await symlink('dd.snap/0', path.join(root, 'dd'));
    const found = ['temporary_file .onestorage.op-1.cc', 'temporary_file aa.snap/.onestorage.op-1.2'];
    const orphans = [lost, `${lost}.md5sum`, `${lost}.snap`].map((name) => `unknown_image ${name}`);
    const rest = ['dangling_link dd', 'unknown_file isos', 'missing_image ee'];
    expect(await images(['aa', 'dd', 'ee'])).toEqual([...found, ...orphans, ...rest]);
    const old = [...found, ...orphans].map((line) => `${line} movable`);
    expect(await later(() => images(['aa', 'dd', 'ee']))).toEqual([...old, ...rest]);
    expect(await images(['aa', 'dd'], { isActive: (id) => id === 'op-1' })).toEqual([...orphans, 'dangling_link dd', 'unknown_file isos']);
  });
});

describe('the quarantine', () => {
  const place = { datastoreId: 0, path: '9' };
  const agent = () => ({ datastores: disk.datastores, hostName: 'host01' });

  it('moves a tree as it is, once', async () => {
    const before = await tree(disk.directory);
    const journal = newJournal();
    const crash = testContext({
      journal,
      afterWork: () => {
        throw new Error('crash');
      },
    });
    await expect(quarantine(agent()).run({ place }, crash)).rejects.toThrow('crash');
    await quarantine(agent()).run({ place }, testContext({ journal }));
    expect(await tree(path.join(disk.root, '.quarantine/op-1/9'))).toEqual(before);
    expect(await readdir(disk.root)).toEqual(['.quarantine']);
    const again = quarantine(agent()).run({ place }, testContext({ operationId: 'op-2' }));
    await expect(again).rejects.toMatchObject({ reason: 'not_found', message: '9 is not in datastore 0 on host01 any more' });
    expect(await readdir(path.join(disk.root, '.quarantine'))).toEqual(['op-1']);
  });

  it('moves a link, not what it points at', async () => {
    await quarantine(agent()).run({ place: { ...place, path: '9/disk.0' } }, testContext());
    expect(await tree(path.join(disk.root, '.quarantine'))).toEqual(['op-1/', 'op-1/9/', 'op-1/9/disk.0 -> disk.0.snap/0']);
    expect(await readFile(path.join(disk.directory, 'disk.0.snap/0'))).toBeTruthy();
  });

  it('moves nothing that is open, neither here nor in another process', async () => {
    const file = path.join(disk.directory, 'disk.0.snap/0');
    const handle = await open(file);
    await expect(quarantine(agent()).run({ place }, testContext())).rejects.toMatchObject({
      reason: 'in_use',
      message: expect.stringContaining(file),
    });
    await handle.close();
    const reader = execFile('sh', ['-c', 'exec 3<"$1"; echo open; read -r line', 'sh', file]);
    if (reader.stdout === null) throw new Error('no output');
    await once(reader.stdout, 'data');
    const refused = quarantine(agent()).run({ place }, testContext());
    await expect(refused).rejects.toMatchObject({ reason: 'in_use', message: expect.stringContaining(`process ${reader.pid} of host01`) });
    reader.stdin?.end();
    await once(reader, 'close');
    await quarantine(agent()).run({ place }, testContext());
    expect(await readdir(disk.root)).toEqual(['.quarantine']);
  });

  it('refuses places that cannot be', async () => {
    for (const [name, reason] of [
      ['../0/9', 'outside_datastore'],
      ['', 'outside_datastore'],
      ['.quarantine/x', 'bad_argument'],
    ] as const) {
      await expect(quarantine(agent()).run({ place: { ...place, path: name } }, testContext())).rejects.toMatchObject({ reason });
    }
    await rm(disk.directory, { recursive: true });
    await expect(quarantine(agent()).run({ place }, testContext())).rejects.toMatchObject({ reason: 'not_found' });
    expect(await readdir(disk.root)).toEqual([]);
  });

  it('locks what it moves, with its snapshots', () => {
    const file = path.join(disk.root, '9');
    expect(quarantine(agent()).resources({ place })).toEqual([`path:${file}`, `path:${file}.snap`]);
  });
});

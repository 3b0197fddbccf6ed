import { execFileSync, spawn } from 'node:child_process';
import { randomBytes, randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { mkdir, mkdtemp, open, readdir, readFile, rename, rm, stat, symlink, utimes, writeFile } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { storeBackup } from '../../../../agent/operations/store-backup.ts';
import { StorageError } from '../../../../runtime/errors.ts';
import { lacks } from '../../tools/context.ts';
import { canMount, mountSmall } from '../file/small-disk.ts';
import { BackupLab, missingServers, VM_XML } from './lab.ts';
import { PASSWORD } from './places.ts';
import { mib, showsTheSame, stageVm } from './staged.ts';

const MINUTES = 60_000;
const noRestic = await lacks('qemu-img', 'restic');
const noRsync = (await lacks('qemu-img', 'rsync', 'ssh')) || missingServers(['sshd']);

let lab: BackupLab;

describe.skipIf(noRestic)('a restic repository that is not as it should be', { timeout: 5 * MINUTES }, () => {
  beforeAll(async () => {
    lab = await BackupLab.start('local', [0]);
  });
  afterAll(() => lab.stop());
  afterEach(async () => {
    await rm(lab.served.directory!, { recursive: true, force: true });
  });

  const byHand = (...words: string[]): string =>
    execFileSync('restic', ['-r', lab.served.directory!, '--no-cache', ...words], {
      env: { ...process.env, RESTIC_PASSWORD: PASSWORD },
      encoding: 'utf8',
      stdio: ['ignore', 'pipe', 'ignore'],
    });

  /** Bytes that compress to nothing less. */
  async function stageRandom(size: number): Promise<void> {
    await lab.stage(0);
    await writeFile(path.join(lab.staging, 'disk.0.0'), randomBytes(size));
  }

  it('has another password', async () => {
    const chain = await lab.chain(0);
    const other = lab.withHost(lab.host, { ...lab.served.secret, password: 'not-the-password' });
    const expected = {
      reason: 'repository_password',
      message: expect.stringMatching(/^the password of the datastore does not open repository \S+$/u),
    };
    await expect(other.list(chain)).rejects.toMatchObject(expected);
    await expect(other.store(0)).rejects.toMatchObject(expected);
  });

  it.skipIf(!canMount)('is full', async () => {
    await mountSmall(path.join(lab.host.root, 'datastores'), '105', '6m');
    await stageRandom(mib(12));
    await expect(lab.store(0)).rejects.toMatchObject({ reason: 'no_space', message: expect.stringContaining('is full') });
  });

  it('holds the lock of a process that was killed', async () => {
    const chain = await lab.chain(0);
    const child = spawn('restic', ['-r', lab.served.directory!, '--no-cache', 'check', '--read-data'], {
      env: { ...process.env, RESTIC_PASSWORD: PASSWORD },
      stdio: 'ignore',
    });
    const locks = path.join(lab.served.directory!, 'locks');
    const held = async (): Promise<string[]> => (await readdir(locks)).filter((name) => /^[0-9a-f]{64}$/u.test(name));
    while ((await held()).length === 0) await new Promise((resolve) => setTimeout(resolve, 5));
    child.kill('SIGKILL');
    await once(child, 'exit');
    await lab.remove([chain[0]!.backupId]);
    expect(await held()).toEqual([]);
    expect(await readdir(path.join(lab.served.directory!, 'snapshots'))).toEqual([]);
  });

  it('has a damaged pack: said when it is verified and restored, and nothing is left', async () => {
    await stageRandom(mib(2));
    const { backupId = '' } = await lab.store(0);
    const data = path.join(lab.served.directory!, 'data');
    const names = (await readdir(data, { recursive: true })).map((name) => path.join(data, name));
    const sizes = await Promise.all(names.map(async (name) => ({ name, size: (await stat(name)).size })));
    const largest = sizes.sort((a, b) => b.size - a.size)[0]!;
    execFileSync('chmod', ['u+w', largest.name]);
    const file = await open(largest.name, 'r+');
    await file.write(Buffer.alloc(64, 0x55), 0, 64, largest.size >> 1);
    await file.close();
    const chain = [{ id: 0, backupId }];
    await expect(lab.verify(chain)).rejects.toMatchObject({ reason: 'bad_checksum', message: expect.stringContaining('increment 0: ') });
    await expect(lab.restore(chain, '0', 'damaged')).rejects.toMatchObject({ reason: 'repository_damaged' });
    expect(await lab.leftovers()).toEqual([]);
  });

  it('was made by the stock driver, and is restored as it was', async () => {
    await lab.stage(0);
    byHand('init');
    const words = ['--force', '--json', '--tag', 'one-7', path.join(lab.staging, 'disk.0.0'), path.join(lab.staging, 'vm.xml')];
    const said = byHand('backup', ...words)
      .trim()
      .split('\n')
      .at(-1)!;
    const chain = [{ id: 0, backupId: (JSON.parse(said) as { snapshot_id: string }).snapshot_id.slice(0, 8) }];
    const { files, vmXml } = await lab.list(chain, '0');
    expect(files).toMatchObject([
      { diskId: '0', path: path.join(lab.staging, 'disk.0.0'), virtualSizeBytes: mib(24), checksumKnown: false },
    ]);
    expect(vmXml).toBe(VM_XML);
    await lab.verify(chain);
    await lab.restore(chain, '0', 'stock');
    expect(showsTheSame(lab.at('stock'), 'qcow2', lab.disks[0]!.golden(0))).toBe(true);
  });

  it('is read by the stock driver as one of its own, merged ones too', async () => {
    const chain = await lab.chain(1);
    const { chain: kept = [] } = await lab.flatten(chain, 1);
    const all = JSON.parse(byHand('snapshots', '--json')) as { short_id: string; paths: string[]; tags: string[] }[];
    expect(all.map(({ short_id }) => short_id)).toEqual(kept.map(({ backupId }) => backupId));
    const disk = all[0]!.paths.find((name) => path.basename(name).startsWith('disk.'))!;
    // How the stock downloader finds the VM, and so the repository, of a pseudo-URL.
    expect(/\/(\d+)\/backup\/[^/]+$/u.exec(disk)?.[1]).toBe('7');
    expect(path.basename(disk)).toBe('disk.0.1');
    expect(all[0]!.tags).toContain('one-7');
    const out = path.join(lab.host.root, 'dumped');
    execFileSync(
      'sh',
      ['-c', `restic -r "$1" --no-cache dump "$2" "$3" > "$4"`, 'sh', lab.served.directory!, all[0]!.short_id, disk, out],
      {
        env: { ...process.env, RESTIC_PASSWORD: PASSWORD },
      },
    );
    expect(showsTheSame(out, 'qcow2', lab.disks[0]!.golden(1))).toBe(true);
  });

  it('is cancelled in the middle of an upload: no backup, no lock, and the staged files as they were', async () => {
    await stageRandom(mib(8));
    const { repository } = lab.served;
    const slow = { ...lab.storeInput(0), repository: { ...repository, limits: { ...repository.limits, bytesPerSecond: 100_000 } } };
    const id = randomUUID();
    const handle = lab.submit(storeBackup(lab.agent), slow, id);
    const locks = path.join(lab.served.directory!, 'locks');
    while ((await readdir(locks).catch(() => [])).length === 0) await new Promise((resolve) => setTimeout(resolve, 20));
    lab.agent.operations.cancel(id, new StorageError('cancelled', 'a test'));
    await expect(handle.done).rejects.toMatchObject({ reason: 'cancelled' });
    expect(await readdir(path.join(lab.served.directory!, 'snapshots'))).toEqual([]);
    expect((await stat(path.join(lab.staging, 'disk.0.0'))).size).toBe(mib(8));
    await lab.store(0);
    await lab.remove(['00000000']);
  });

  it('never shows its password: no argument, no environment, no journal', async () => {
    await stageRandom(mib(4));
    let looks = 0;
    let done = false;
    const seen: string[] = [];
    const watch = (async () => {
      while (!done) {
        for (const pid of (await readdir('/proc')).filter((name) => /^\d+$/u.test(name))) {
          const read = (name: string): Promise<string> => readFile(`/proc/${pid}/${name}`, 'utf8').catch(() => '');
          const line = await read('cmdline');
          if (!line.includes('--password-file')) continue;
          looks += 1;
          seen.push(line, await read('environ'));
        }
      }
    })();
    await lab.store(0);
    done = true;
    await watch;
    expect(looks).toBeGreaterThan(0);
    const state = path.join(lab.host.root, 'state');
    for (const name of await readdir(state)) if (name.startsWith('journal')) seen.push(await readFile(path.join(state, name), 'latin1'));
    expect(seen.filter((text) => text.includes(PASSWORD))).toEqual([]);
  });

  it('stores nothing of a directory that lacks a disk, or vm.xml', async () => {
    await lab.stage(0);
    await expect(lab.submit(storeBackup(lab.agent), { ...lab.storeInput(0), diskIds: [0, 3] }).done).rejects.toMatchObject({
      reason: 'not_found',
      message: expect.stringContaining('disk.3.0'),
    });
    await rm(path.join(lab.staging, 'vm.xml'));
    await expect(lab.store(0)).rejects.toMatchObject({ reason: 'not_found', message: expect.stringContaining('vm.xml') });
    expect(await readdir(lab.served.directory!).catch(() => [])).toEqual([]);
  });
});

describe.skipIf(noRsync)('a backup server that is not as it should be', { timeout: 5 * MINUTES }, () => {
  beforeAll(async () => {
    lab = await BackupLab.start('rsync', [0]);
  });
  afterAll(() => lab.stop());

  it('cannot be reached', async () => {
    const { store } = lab.served.repository;
    if (store.kind !== 'rsync') throw new Error('not rsync');
    await lab.stage(0);
    const gone = { ...lab.storeInput(0), repository: { ...lab.served.repository, store: { ...store, host: 'gone' } } };
    await expect(lab.submit(storeBackup(lab.agent), gone).done).rejects.toMatchObject({
      reason: 'repository_unreachable',
      message: expect.stringMatching(/^gone cannot be reached by ssh: .*Connection refused$/u),
    });
  });

  it('is cut off in the middle of an upload: the same operation goes on, over few connections', async () => {
    await lab.stage(0);
    await writeFile(path.join(lab.staging, 'disk.0.0'), randomBytes(mib(4)));
    const { repository } = lab.served;
    const slow = { ...lab.storeInput(0), repository: { ...repository, limits: { ...repository.limits, bytesPerSecond: mib(1) } } };
    const before = await lab.served.sshd!.connections();
    // Of an agent that was killed: no process has such a number.
    const left = await mkdtemp(path.join(os.tmpdir(), 'onestorage-ssh-4999999-'));
    const id = randomUUID();
    const handle = lab.submit(storeBackup(lab.agent), slow, id);
    const stage = path.join(lab.served.directory!, `.onestorage.${id}`);
    const arriving = async (): Promise<boolean> => (await readdir(stage).catch(() => [])).some((name) => name.startsWith('.disk.0.0'));
    await expect.poll(arriving, { timeout: MINUTES, interval: 5 }).toBe(true);
    await lab.served.sshd!.drop();
    const lines: string[] = [];
    for await (const event of handle.events(AbortSignal.timeout(5 * MINUTES))) if (event.type === 'log') lines.push(event.text);
    expect(lines).toEqual([expect.stringMatching(/^backup1 cannot be reached by ssh: .*; trying again in 1\.0 s$/u)]);
    const { backupId = '' } = await handle.done;
    await lab.verify([{ id: 0, backupId }]);
    expect(existsSync(left)).toBe(false);
    // One for commands and data, twice, and one of the look that verifies.
    expect((await lab.served.sshd!.connections()) - before).toBeLessThanOrEqual(3);
    await lab.remove([backupId]);
  });

  it('gets what is staged below BACKUP_BASE_PATH of the host', async () => {
    await lab.stage(0);
    const base = path.join(lab.host.root, 'base-path');
    await mkdir(path.join(base, '7'), { recursive: true });
    await rename(lab.staging, path.join(base, '7/backup'));
    const { backupId = '' } = await lab.submit(storeBackup({ ...lab.agent, backupBasePath: base }), lab.storeInput(0)).done;
    expect((await lab.list([{ id: 0, backupId }])).files).toMatchObject([{ diskId: '0', checksumKnown: true }]);
    await lab.remove([backupId]);
  });

  it('has a file that rotted', async () => {
    const [first] = await lab.chain(0);
    const name = path.join(lab.served.directory!, first!.backupId, 'disk.0.0');
    const { atime, mtime, size } = await stat(name);
    const file = await open(name, 'r+');
    await file.write(Buffer.from('rot'), 0, 3, size - 100_000);
    await file.close();
    await utimes(name, atime, mtime);
    await expect(lab.verify([first!])).rejects.toMatchObject({ reason: 'bad_checksum', message: expect.stringContaining('disk.0.0') });
    await expect(lab.restore([first!], '0', 'rotten')).rejects.toMatchObject({ reason: 'bad_checksum' });
    expect(await lab.leftovers()).toEqual([]);
  });

  it('has a backup of the stock driver, which has rebased it in place since', async () => {
    const chain = await lab.chain(1);
    const top = path.join(lab.served.directory!, chain[1]!.backupId, 'disk.0.1');
    const bottom = path.join(lab.served.directory!, chain[0]!.backupId, 'disk.0.0');
    execFileSync('qemu-img', ['rebase', '-u', '-f', 'qcow2', '-F', 'qcow2', '-b', bottom, top]);
    await utimes(top, new Date(), new Date(Date.now() + 5000));
    expect(await lab.list(chain)).toMatchObject({ files: [{ diskId: '0', checksumKnown: false }] });
    await lab.restore(chain, '0', 'rebased');
    expect(showsTheSame(lab.at('rebased'), 'qcow2', lab.disks[0]!.golden(1))).toBe(true);
  });

  it('lacks an increment: said by its number, before anything is read', async () => {
    const [full] = await lab.chain(0);
    const chain = [full!, { id: 1, backupId: 'abcdef' }, { id: 2, backupId: 'fedcba' }];
    await expect(lab.restore(chain, '0', 'missing')).rejects.toMatchObject({
      reason: 'not_found',
      message: expect.stringContaining('does not have increment 1:abcdef, 2:fedcba'),
    });
    await expect(lab.list(chain)).rejects.toMatchObject({ reason: 'not_found' });
  });

  it('keeps the state of a TPM, which is given back as it was, whatever else the archive has', async () => {
    await lab.stage(0);
    const tpm = path.join(lab.host.root, 'of-the-vm/tpm');
    await mkdir(tpm, { recursive: true });
    await writeFile(path.join(tpm, 'tpm2-00.permall'), 'the state of a TPM');
    await symlink('/etc', path.join(tpm, 'link'));
    execFileSync('tar', ['-czf', path.join(lab.staging, 'disk.tpm.0'), '-C', path.dirname(tpm), 'tpm']);
    await stageVm(lab.staging, VM_XML);
    const { backupId = '' } = await lab.store(0);
    await lab.restore([{ id: 0, backupId }], 'tpm', 'tpm/tpm2-00.permall.backup');
    expect(await readFile(lab.at('tpm/tpm2-00.permall.backup'), 'utf8')).toBe('the state of a TPM');
    expect(await readdir(lab.at('tpm'))).toEqual(['tpm2-00.permall.backup']);
    // Of an archive without it nothing is left.
    await rm(path.join(tpm, 'tpm2-00.permall'));
    await lab.stage(0);
    execFileSync('tar', ['-czf', path.join(lab.staging, 'disk.tpm.0'), '-C', path.dirname(tpm), 'tpm']);
    const other = await lab.store(0);
    await expect(lab.restore([{ id: 0, backupId: other.backupId ?? '' }], 'tpm', 'tpm/other')).rejects.toMatchObject({
      reason: 'not_found',
    });
    expect(await readdir(lab.at('tpm'))).toEqual(['tpm2-00.permall.backup']);
  });
});

describe.skipIf(noRestic || noRsync)('a restic repository behind sftp', { timeout: 5 * MINUTES }, () => {
  beforeAll(async () => {
    lab = await BackupLab.start('sftp', [0]);
  });
  afterAll(() => lab.stop());

  it('is cut off in the middle of an upload: the same operation goes on, and one backup is there', async () => {
    await lab.stage(0);
    await writeFile(path.join(lab.staging, 'disk.0.0'), randomBytes(mib(8)));
    const { repository } = lab.served;
    const slow = { ...lab.storeInput(0), repository: { ...repository, limits: { ...repository.limits, bytesPerSecond: mib(2) } } };
    const handle = lab.submit(storeBackup(lab.agent), slow);
    const inside = (name: string): Promise<string[]> => readdir(path.join(lab.served.directory!, name), { recursive: true });
    const arriving = async (): Promise<boolean> => (await inside('data').catch(() => [])).some((name) => path.basename(name).length > 2);
    await expect.poll(arriving, { timeout: MINUTES, interval: 5 }).toBe(true);
    await lab.served.sshd!.drop();
    const lines: string[] = [];
    for await (const event of handle.events(AbortSignal.timeout(5 * MINUTES))) if (event.type === 'log') lines.push(event.text);
    expect(lines).toEqual([expect.stringMatching(/^repository sftp:\S+ cannot be reached: [^\n]*; trying again in 1\.0 s$/u)]);
    const { backupId = '' } = await handle.done;
    await lab.verify([{ id: 0, backupId }]);
    expect(await inside('snapshots')).toHaveLength(1);
    // The lock of the first connection stands in nobody's way.
    await lab.remove([backupId]);
    expect([...(await inside('snapshots')), ...(await inside('locks'))]).toEqual([]);
  });
});

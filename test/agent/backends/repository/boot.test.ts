import { execFileSync, spawn } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { readdir, readFile, readlink, rm, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { ChainOf } from '../../../../agent/backends/repository/input.ts';
import { bootBackup } from '../../../../agent/operations/boot-backup.ts';
import { secretsOf } from '../../../../agent/origin/secrets.ts';
import { StorageError } from '../../../../runtime/errors.ts';
import { image } from '../../../helpers/rbd-export.ts';
import { testAgent } from '../../origin/agent.ts';
import { lacks } from '../../tools/context.ts';
import { BackupLab } from './lab.ts';
import { mib } from './staged.ts';

const MINUTES = 60_000;

const TICKS_A_SECOND = 18;

/** A program in the first sector, which waits, writes text to the serial port and then waits for ever. */
function bootSector(text: string, seconds: number): Buffer {
  const ticks = seconds * TICKS_A_SECOND;
  const wait = [0x8b, 0x1e, 0x6c, 0x04, 0x81, 0xc3, ticks & 0xff, ticks >> 8, 0xf4, 0x39, 0x1e, 0x6c, 0x04, 0x78, 0xf9];
  const write = [0xbe, 0x25, 0x7c, 0xac, 0x84, 0xc0, 0x74, 0x06, 0xba, 0xf8, 0x03, 0xee, 0xeb, 0xf5];
  const program = [0xfc, 0x31, 0xc0, 0x8e, 0xd8, ...wait, ...write, 0xf4, 0xeb, 0xfd];
  const sector = Buffer.alloc(512);
  sector.set([...program, ...Buffer.from(text, 'latin1')]);
  sector.set([0x55, 0xaa], 510);
  return sector;
}

/** Machines that run in a directory, by their process ids. */
async function machinesIn(directory: string): Promise<readonly number[]> {
  const pids = (await readdir('/proc')).filter((name) => /^\d+$/u.test(name));
  const found = await Promise.all(
    pids.map(async (pid) => {
      const cwd = await readlink(`/proc/${pid}/cwd`).catch(() => '');
      const name = await readFile(`/proc/${pid}/comm`, 'latin1').catch(() => '');
      return cwd.startsWith(directory) && name.startsWith('qemu-system') ? [Number(pid)] : [];
    }),
  );
  return found.flat();
}

describe.skipIf(await lacks('qemu-img', 'restic', 'qemu-system-x86_64'))('a backup is booted', { timeout: 5 * MINUTES }, () => {
  let lab: BackupLab;
  beforeAll(async () => {
    lab = await BackupLab.start('local', [0]);
  });
  afterAll(async () => {
    await lab.stop();
    await rm(lab.host.root, { recursive: true, force: true });
  });

  async function backupOf(text: string, seconds = 0): Promise<ChainOf> {
    await lab.stage(0);
    const raw = path.join(lab.host.root, 'boot.raw');
    await writeFile(raw, Buffer.concat([bootSector(text, seconds), Buffer.alloc(mib(1) - 512)]));
    execFileSync('qemu-img', ['convert', '-q', '-f', 'raw', '-O', 'qcow2', raw, path.join(lab.staging, 'disk.0.0')]);
    return [{ id: 0, backupId: (await lab.store(0)).backupId ?? '' }];
  }
  const work = (): string => path.join(lab.host.root, 'work');
  const left = (): Promise<readonly string[]> => readdir(work());

  it('and asks for a login on its console, whatever its disk hangs on', async () => {
    const chain = await backupOf('\r\n\x1b[0;1mlab login: ');
    for (const [bus, machine] of [
      ['virtio', 'pc'],
      ['ide', 'pc'],
      ['scsi', 'q35'],
      ['ide', 'q35'],
    ] as const) {
      const result = await lab.submit(bootBackup(lab.agent), lab.bootInput(chain, 120, bus, machine)).done;
      expect(result, `${bus} ${machine}`).toEqual({ answeredBy: 'console', sizeBytes: expect.any(Number) });
    }
    expect(await left()).toEqual([]);
  });

  it('also one of a disk that was exported from Ceph', async () => {
    await lab.stage(0);
    await rm(path.join(lab.staging, 'disk.0.0'));
    const sector = { offset: 0, data: bootSector('\r\nlab login: ', 0) };
    await writeFile(path.join(lab.staging, 'disk.0.rbd2'), image([{ size: mib(1), extents: [sector] }]));
    const chain = [{ id: 0, backupId: (await lab.store(0)).backupId ?? '' }];
    expect(await lab.boot(chain, 120).done).toMatchObject({ answeredBy: 'console' });
    expect(await left()).toEqual([]);
  });

  it('and does not come up: its last line is said, and nothing is left, nor after a cancel', async () => {
    const chain = await backupOf('Kernel panic: no root\r\n');
    await expect(lab.boot(chain, 4).done).rejects.toMatchObject({
      reason: 'guest_silent',
      message: 'neither guest agent nor login within 4.0 s; its console says last: Kernel panic: no root',
    });
    expect(await left()).toEqual([]);
    const id = randomUUID();
    const running = lab.boot(chain, 300, id);
    await expect.poll(() => lab.agent.operations.get(id)?.step, { timeout: MINUTES, interval: 20 }).toBe('boot');
    lab.agent.operations.cancel(id, new StorageError('cancelled', 'a test'));
    await expect(running.done).rejects.toMatchObject({ reason: 'cancelled' });
    expect(await left()).toEqual([]);
  });

  it('and the agent is killed: the machine dies with it, the next start boots again, and nothing is left or changed', async () => {
    const chain = await backupOf('lab login: ', 6);
    const stored = async (): Promise<readonly string[]> => (await readdir(lab.served.directory ?? '', { recursive: true })).sort();
    const before = await stored();
    const id = randomUUID();
    const { secret } = lab.served;
    lab.agent.operations.stop();
    const what = JSON.stringify({ kind: 'backup.boot', input: lab.bootInput(chain, 120), secret });
    const child = spawn(process.execPath, [path.join(import.meta.dirname, 'child.ts'), lab.host.root, id, what], { stdio: 'inherit' });
    const exited = once(child, 'exit');
    await expect.poll(() => machinesIn(work()), { timeout: MINUTES, interval: 20 }).toHaveLength(1);
    child.kill('SIGKILL');
    expect((await exited)[1]).toBe('SIGKILL');
    await expect.poll(() => machinesIn(work()), { timeout: MINUTES, interval: 20 }).toEqual([]);
    expect(await left()).toHaveLength(1);
    lab = lab.withHost(await testAgent(lab.host.root));
    const { operations } = lab.agent;
    operations.register(bootBackup(lab.agent));
    operations.recover();
    secretsOf(lab.agent).put(id, { path: '', s3: undefined, repository: secret });
    await expect.poll(() => machinesIn(work()), { timeout: MINUTES, interval: 20 }).toHaveLength(1);
    expect(await operations.watch(id)?.done).toEqual({ answeredBy: 'console', sizeBytes: expect.any(Number) });
    expect(await left()).toEqual([]);
    expect(await machinesIn(work())).toEqual([]);
    expect(await stored()).toEqual(before);
    await lab.verify(chain);
  });
});

import { execFileSync } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { readdir, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { ChainOf } from '../../../../agent/backends/repository/input.ts';
import { StorageError } from '../../../../runtime/errors.ts';
import { lacks } from '../../tools/context.ts';
import { BackupLab } from './lab.ts';
import { mib } from './staged.ts';

const MINUTES = 60_000;

/** A program of 22 bytes in the first sector, which writes text to the serial port and then waits for ever. */
function bootSector(text: string): Buffer {
  const program = [0xfc, 0x31, 0xc0, 0x8e, 0xd8, 0xbe, 0x16, 0x7c, 0xac, 0x84, 0xc0, 0x74, 0x06, 0xba, 0xf8, 0x03, 0xee, 0xeb, 0xf5];
  const sector = Buffer.alloc(512);
  sector.set([...program, 0xf4, 0xeb, 0xfd, ...Buffer.from(text, 'latin1')]);
  sector.set([0x55, 0xaa], 510);
  return sector;
}

describe.skipIf(await lacks('qemu-img', 'restic', 'qemu-system-x86_64'))('a backup is booted', { timeout: 5 * MINUTES }, () => {
  let lab: BackupLab;
  beforeAll(async () => {
    lab = await BackupLab.start('local', [0]);
  });
  afterAll(() => lab.stop());

  async function backupOf(text: string): Promise<ChainOf> {
    await lab.stage(0);
    const raw = path.join(lab.host.root, 'boot.raw');
    await writeFile(raw, Buffer.concat([bootSector(text), Buffer.alloc(mib(1) - 512)]));
    execFileSync('qemu-img', ['convert', '-q', '-f', 'raw', '-O', 'qcow2', raw, path.join(lab.staging, 'disk.0.0')]);
    return [{ id: 0, backupId: (await lab.store(0)).backupId ?? '' }];
  }
  const left = (): Promise<readonly string[]> => readdir(path.join(lab.host.root, 'work'));

  it('and asks for a login on its console', async () => {
    const result = await lab.boot(await backupOf('\r\n\x1b[0;1mlab login: '), 120).done;
    expect(result).toEqual({ answeredBy: 'console', sizeBytes: expect.any(Number) });
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
});

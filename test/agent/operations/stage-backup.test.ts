import { randomBytes } from 'node:crypto';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { mkdir, writeFile } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { expect, it, onTestFinished, vi } from 'vitest';
import { stageBackup } from '../../../agent/operations/stage-backup.ts';
import { StorageError } from '../../../runtime/errors.ts';
import { createLogger } from '../../../runtime/log.ts';
import { Operations } from '../../../runtime/operations/operations.ts';
import { temporaryDirectory } from '../tools/context.ts';

const MIB = 1024 * 1024;
const LIMITS = { bytesPerSecond: 0, threads: 0, cpuPercent: 0, memoryBytes: 0, readOperationsPerSecond: 0, writeOperationsPerSecond: 0 };

/** Priority of the program that copies below this directory, as the kernel has it; undefined: none runs. */
function niceOfCopy(directory: string): number | undefined {
  for (const pid of readdirSync('/proc').filter((name) => /^\d+$/.test(name))) {
    try {
      const words = readFileSync(`/proc/${pid}/cmdline`, 'utf8').split('\0');
      if (!words[0]?.endsWith('qemu-img') || words[1] !== 'convert' || !words.some((word) => word.startsWith(directory))) continue;
      return Number(readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ')[1]?.split(' ')[16]);
    } catch {
      // It has ended meanwhile.
    }
  }
  return undefined;
}

it.each([
  ['the priority of the datastore', { nice: 7 }, Math.min(19, os.getPriority() + 7)],
  ['the lowest priority instead of a share that this host cannot give', { cpuPercent: 50, nice: 7 }, 19],
  ['the lowest priority without limits', {}, 19],
])('copies a VM that is off with %s, and stops when it is cancelled', async (_, limits, nice) => {
  vi.stubEnv('XDG_RUNTIME_DIR', undefined);
  onTestFinished(() => void vi.unstubAllEnvs());
  const base = await temporaryDirectory();
  const datastores = path.join(base, 'datastores');
  const vm = path.join(datastores, '107/9');
  await mkdir(vm, { recursive: true });
  await writeFile(path.join(vm, 'disk.0'), randomBytes(8 * MIB));
  const operations = new Operations({ file: path.join(base, 'journal'), log: createLogger('test', 'silent') });
  onTestFinished(() => operations.stop());
  const kind = stageBackup({ datastores, stateDirectory: base, hostName: 'host01' });
  operations.register(kind);
  const input = {
    directory: { datastoreId: 107, path: '9' },
    vmId: 9,
    disks: [{ id: 0, format: 'raw' as const }],
    domain: '',
    increment: 0,
    tracking: 'none' as const,
    quiet: 'none' as const,
    document: '<VM/>',
    tpm: false,
    bytesPerSecond: MIB,
    limits: { ...LIMITS, ...limits },
  };
  const handle = operations.submit(kind, { id: 'op-1', subject: 'prebackup of VM 9', input });
  const ended = handle.done.then(
    () => 'done',
    (thrown: unknown) => thrown,
  );
  await expect.poll(() => niceOfCopy(vm), { timeout: 20_000, interval: 5 }).toBe(nice);
  operations.cancel('op-1', new StorageError('cancelled', 'enough'));
  expect(await ended).toMatchObject({ reason: 'cancelled' });
  expect(niceOfCopy(vm)).toBeUndefined();
  expect(readdirSync(vm)).toEqual(['disk.0']);
  expect(existsSync(path.join(vm, 'backup'))).toBe(false);
});

import { mkdir, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { expect, it } from 'vitest';
import { confine } from '../../../agent/tools/confine.ts';
import { temporaryDirectory } from './context.ts';

const NONE = {
  cpuPercent: 0,
  memoryBytes: 0,
  readOperationsPerSecond: 0,
  writeOperationsPerSecond: 0,
  nice: undefined,
  ioNice: undefined,
};
const COUNTED = { reads: '/disks', writes: '/staged' };

it('asks systemd for a control group, when the user has a manager', async () => {
  const runtime = await temporaryDirectory();
  await mkdir(path.join(runtime, 'systemd'));
  await writeFile(path.join(runtime, 'systemd/private'), '');
  const limits = { ...NONE, cpuPercent: 50, memoryBytes: 1024, readOperationsPerSecond: 7, writeOperationsPerSecond: 9, nice: 3 };
  const { before, problem } = await confine(limits, COUNTED, { XDG_RUNTIME_DIR: runtime });
  expect(problem).toBeUndefined();
  const wanted = ['CPUQuota=50%', 'MemoryMax=1024', 'IOReadIOPSMax=/disks 7', 'IOWriteIOPSMax=/staged 9'];
  const words = wanted.flatMap((property) => ['-p', property]);
  expect(before).toEqual([['systemd-run', '--user', '--scope', '--quiet', '--collect', ...words, '--']]);
});

it('lowers the priority where there is none, and says so', async () => {
  const { before, problem } = await confine({ ...NONE, cpuPercent: 50 }, COUNTED, {});
  expect(before).toEqual([
    ['nice', '-n', '19'],
    ['ionice', '-c', '2', '-n', '7'],
  ]);
  expect(problem).toMatch(/no systemd manager/);
});

it('sets priorities when nothing else is limited, and nothing without any', async () => {
  expect((await confine({ ...NONE, nice: 5, ioNice: 6 }, COUNTED, {})).before).toEqual([
    ['nice', '-n', '5'],
    ['ionice', '-c', '2', '-n', '6'],
  ]);
  expect(await confine(NONE, COUNTED, {})).toEqual({ before: [], problem: undefined });
});

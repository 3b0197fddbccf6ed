import { spawn } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { readdir, rm } from 'node:fs/promises';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { ChainOf } from '../../../../agent/backends/repository/input.ts';
import type { OperationResult } from '../../../../agent/context.ts';
import { flattenBackup } from '../../../../agent/operations/flatten-backup.ts';
import { importImage } from '../../../../agent/operations/import-image.ts';
import { storeBackup } from '../../../../agent/operations/store-backup.ts';
import { secretsOf } from '../../../../agent/origin/secrets.ts';
import { testAgent } from '../../origin/agent.ts';
import { lacks } from '../../tools/context.ts';
import { BackupLab, missingServers } from './lab.ts';
import type { PlaceName } from './places.ts';
import { showsTheSame } from './staged.ts';

const MINUTES = 60_000;
const incomplete = (await lacks('qemu-img', 'restic', 'rsync', 'ssh')) || missingServers(['sshd']);

let lab: BackupLab;

/** Runs an operation in a process that dies at a failpoint, and then as the next start of the agent finds it. */
async function killedAndBack(kind: string, input: unknown, point: string): Promise<OperationResult> {
  const id = randomUUID();
  const { secret, sshConfig } = lab.served;
  lab.agent.operations.stop();
  const what = JSON.stringify({ kind, input, secret, sshConfig });
  const child = spawn(process.execPath, [path.join(import.meta.dirname, 'child.ts'), lab.host.root, id, what], {
    env: { ...process.env, ONESTORAGE_FAILPOINTS: `${point}=kill` },
    stdio: 'inherit',
  });
  expect((await once(child, 'exit'))[1]).toBe('SIGKILL');
  const again = await testAgent(lab.host.root);
  const agent = sshConfig === undefined ? again.agent : { ...again.agent, sshConfig };
  try {
    for (const each of [storeBackup(agent), flattenBackup(agent)]) agent.operations.register(each as never);
    agent.operations.register(importImage(agent));
    agent.operations.recover();
    // The controller asks again for what it waits for, and brings the password.
    secretsOf(agent).put(id, { path: '', s3: undefined, repository: secret });
    return (await agent.operations.watch(id)?.done) as OperationResult;
  } finally {
    await again.stop();
  }
}

const ends = (kind: string, steps: readonly string[]): string[] => steps.map((step) => `${kind}.${step}.end`);

describe.skipIf(incomplete).each<PlaceName>(['rsync', 'local'])(
  'killed on the way, with a repository: %s',
  { timeout: 5 * MINUTES },
  (name) => {
    beforeEach(async () => {
      lab = await BackupLab.start(name, [0]);
    }, 5 * MINUTES);
    afterEach(async () => {
      await lab.served.stop();
      await rm(lab.host.root, { recursive: true, force: true });
    });

    // Restic spends its time on keys, and what is ours is the same for both.
    const storing = name === 'rsync' ? ['look', 'prepare', 'checksum', 'upload', 'verify'] : ['upload'];
    const points = [...ends('backup.store', storing), 'backup.store.upload.begin'];
    it.each(points)('at %s a backup is stored once', async (point) => {
      await lab.stage(0);
      const { backupId = '' } = await killedAndBack('backup.store', lab.storeInput(0), point);
      lab = await reopened();
      const { increments } = await lab.list([{ id: 0, backupId }]);
      expect(increments).toMatchObject([{ present: true }]);
      expect(await catalogSize()).toBe(1);
      await lab.restore([{ id: 0, backupId }], '0', 'restored');
      expect(showsTheSame(lab.at('restored'), 'qcow2', lab.disks[0]!.golden(0))).toBe(true);
      await lab.host.stop();
    });

    const restoring = ['prepare', 'plan', 'fetch-0', 'fetch-1', 'merge-1', 'check', 'finish', 'publish'];
    const restorePoints =
      name === 'rsync' ? [...ends('image.import', restoring), 'image.import.merge-1.begin'] : ['image.import.fetch-1.end'];
    it.each(restorePoints)('at %s a disk is restored whole', async (point) => {
      const chain = await lab.chain(1);
      const result = await killedAndBack('image.import', lab.restoreInput(chain, '0', 'restored', 'raw'), point);
      expect(result).toMatchObject({ format: 'raw' });
      expect(showsTheSame(lab.at('restored'), 'raw', lab.disks[0]!.golden(1))).toBe(true);
      expect(await lab.leftovers()).toEqual([]);
    });

    const flattening = [
      'make-work',
      'plan',
      '0-fetch-0',
      '0-fetch-1',
      '0-merge-1',
      '0-check',
      'vm',
      'look',
      'prepare',
      'checksum',
      'upload',
    ];
    const flattenEnds = name === 'rsync' ? [...flattening, 'verify', 'remove'] : ['upload', 'remove'];
    it.each([...ends('backup.flatten', flattenEnds), 'backup.flatten.remove.begin'])('at %s a chain is merged once', async (point) => {
      const chain = await lab.chain(1);
      const input = { repository: lab.served.repository, vmId: 7, chain, keepLast: 1 };
      const { chain: kept = [] } = await killedAndBack('backup.flatten', input, point);
      expect(kept.map(({ id }) => id)).toEqual([1]);
      lab = await reopened();
      expect(await catalogSize()).toBe(1);
      for (const each of [kept, chain]) await restoresTo(each, 1);
      expect(await lab.leftovers()).toEqual([]);
      await lab.host.stop();
    });
  },
);

async function restoresTo(chain: ChainOf, step: number): Promise<void> {
  const target = `restored.${chain.length}`;
  await lab.restore(chain, '0', target);
  expect(showsTheSame(lab.at(target), 'qcow2', lab.disks[0]!.golden(step))).toBe(true);
}

/** The same lab with an agent that runs. */
async function reopened(): Promise<BackupLab> {
  return lab.withHost(await testAgent(lab.host.root));
}

async function catalogSize(): Promise<number> {
  const { directory } = lab.served;
  const inside = lab.served.repository.store.kind === 'rsync' ? directory! : path.join(directory!, 'snapshots');
  return (await readdir(inside)).length;
}

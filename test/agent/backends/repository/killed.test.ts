import { spawn } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { readdir, rm } from 'node:fs/promises';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
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

/** Runs an operation in processes that die, one after the other, each at the next failpoint, and then as the last start of the agent finds it. */
async function killedAtEach(kind: string, input: unknown, points: readonly string[]): Promise<OperationResult> {
  const id = randomUUID();
  const { secret, sshConfig } = lab.served;
  lab.agent.operations.stop();
  const what = JSON.stringify({ kind, input, secret, sshConfig });
  for (const point of points) {
    const child = spawn(process.execPath, [path.join(import.meta.dirname, 'child.ts'), lab.host.root, id, what], {
      env: { ...process.env, ONESTORAGE_FAILPOINTS: `${kind}.${point}=kill` },
      stdio: 'inherit',
    });
    expect((await once(child, 'exit'))[1], point).toBe('SIGKILL');
  }
  lab = lab.withHost(await testAgent(lab.host.root));
  const { agent } = lab;
  for (const each of [storeBackup(agent), flattenBackup(agent)]) agent.operations.register(each as never);
  agent.operations.register(importImage(agent));
  agent.operations.recover();
  // The controller asks again for what it waits for, and brings the password.
  secretsOf(agent).put(id, { path: '', s3: undefined, repository: secret });
  return (await agent.operations.watch(id)?.done) as OperationResult;
}

const ends = (steps: readonly string[]): readonly string[] => steps.map((step) => `${step}.end`);

/**
 * Of a restore all steps that bring a disk together; merging shares them, and storing what it has merged shares those of a store: there, what comes
 * before, between and after. Restic spends its time on keys, and what is ours is the same for both: with it, where the repository has a part.
 */
const POINTS = {
  rsync: {
    store: ['checksum.end', 'upload.begin', ...ends(['upload'])],
    restore: [...ends(['plan', 'fetch-0', 'fetch-1']), 'merge-1.begin', ...ends(['merge-1', 'check', 'publish'])],
    flatten: [...ends(['make-work', 'plan', 'vm', 'upload']), 'remove.begin', 'remove.end'],
  },
  local: { store: ['upload.begin', 'upload.end'], restore: ['fetch-1.end'], flatten: ['upload.end', 'remove.begin', 'remove.end'] },
} as const;

describe.skipIf(incomplete).each<keyof typeof POINTS & PlaceName>(['rsync', 'local'])(
  'killed at each step, with a repository: %s',
  { timeout: 5 * MINUTES },
  (name) => {
    const points = POINTS[name];
    let chain: ChainOf;
    beforeAll(async () => {
      lab = await BackupLab.start(name, [0]);
    }, 5 * MINUTES);
    afterAll(async () => {
      await lab.stop();
      await rm(lab.host.root, { recursive: true, force: true });
    });

    it(`a backup is stored once: ${points.store.join(', ')}`, async () => {
      await lab.stage(0);
      const { backupId = '' } = await killedAtEach('backup.store', lab.storeInput(0), points.store);
      chain = [{ id: 0, backupId }];
      const { increments } = await lab.list(chain);
      expect(increments).toMatchObject([{ present: true }]);
      expect(await catalogSize()).toBe(1);
      await restoresTo(chain, 0);
    });

    it(`a disk is restored whole: ${points.restore.join(', ')}`, async () => {
      await lab.stage(1);
      chain = [...chain, { id: 1, backupId: (await lab.store(1)).backupId ?? '' }];
      const result = await killedAtEach('image.import', lab.restoreInput(chain, '0', 'raw', 'raw'), points.restore);
      expect(result).toMatchObject({ format: 'raw' });
      expect(showsTheSame(lab.at('raw'), 'raw', lab.disks[0]!.golden(1))).toBe(true);
      expect(await lab.leftovers()).toEqual([]);
    });

    it(`a chain is merged once: ${points.flatten.join(', ')}`, async () => {
      const input = { repository: lab.served.repository, vmId: 7, chain, keepLast: 1, sparsify: false };
      const { chain: kept = [] } = await killedAtEach('backup.flatten', input, points.flatten);
      expect(kept.map(({ id }) => id)).toEqual([1]);
      expect(await catalogSize()).toBe(1);
      await restoresTo(kept, 1);
      await restoresTo(chain, 1);
      expect(await lab.leftovers()).toEqual([]);
    });
  },
);

async function restoresTo(chain: ChainOf, step: number): Promise<void> {
  const target = `restored.${chain.length}.${step}`;
  await lab.restore(chain, '0', target);
  expect(showsTheSame(lab.at(target), 'qcow2', lab.disks[0]!.golden(step))).toBe(true);
}

async function catalogSize(): Promise<number> {
  const { directory } = lab.served;
  const inside = lab.served.repository.store.kind === 'rsync' ? directory! : path.join(directory!, 'snapshots');
  return (await readdir(inside)).length;
}

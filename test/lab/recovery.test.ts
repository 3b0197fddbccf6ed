import { existsSync } from 'node:fs';
import { mkdir, rm, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { afterAll, beforeAll, expect, it, onTestFailed } from 'vitest';
import { type Cluster, startCluster } from './cluster.ts';
import { temporaryNames, tree } from './leftovers.ts';
import { addDatastores, addVm, imageDisk } from './models.ts';
import type { Vm } from './opennebula/model.ts';
import { makeRaw } from './origins.ts';
import { sameContent } from './tools.ts';
import { prolog, terminate } from './transfer-scripts.ts';

/** What an admin and a power cut do in the middle of a deployment, through the real shims. */

let cluster: Cluster;
let source: string;
let nextVm = 20;

beforeAll(async () => {
  cluster = await startCluster({ failpoints: {} });
  addDatastores(cluster.one.model);
  const directory = path.join(cluster.agent('frontend').datastores, '106');
  source = path.join(directory, 'image');
  await mkdir(directory, { recursive: true });
  await makeRaw(source, 16, 0.5);
});

afterAll(async () => {
  await cluster?.stop();
});

function newVm(): Vm {
  onTestFailed(() => void process.stderr.write(`${cluster.logs()}\n`));
  nextVm += 1;
  const disk = imageDisk({ id: 0, source: `${cluster.one.model.datastoreLocation}/106/image`, sizeMb: 16 });
  return addVm(cluster.one.model, { id: nextVm, disks: [disk], host: 'host01' });
}

function diskOf(vm: Vm): string {
  return path.join(cluster.agent('host01').datastores, '107', String(vm.id), 'disk.0');
}

/** Stops the copy on host01 until `release`; resolves when it has got there. */
async function holdCopy(): Promise<{ reached: Promise<void>; release(): Promise<void> }> {
  const file = path.join(cluster.site.directory, `hold.${nextVm}`);
  await writeFile(file, '');
  await cluster.agent('host01').arm(`transfer.receive.copy*=hold:${file}`);
  return {
    reached: expect.poll(() => existsSync(`${file}.reached`), { timeout: 30_000, interval: 20 }).toBe(true),
    release: async () => {
      await cluster.agent('host01').arm('');
      await rm(file);
    },
  };
}

it('goes on with a clone after the host died in the middle of it', async () => {
  const vm = newVm();
  const host = cluster.agent('host01');
  await host.arm('transfer.receive.copy*=kill');
  const running = cluster.one.tm(prolog(cluster.one.model, vm));
  expect(await host.exited).toBe('SIGKILL');
  await host.start();
  expect(await running).toMatchObject([{ exit: 0 }]);
  await sameContent(source, 'raw', diskOf(vm), 'raw');
  expect(temporaryNames(host.datastores)).toEqual([]);
});

it('answers the waiting shim after the controller was killed and came back', async () => {
  const vm = newVm();
  const hold = await holdCopy();
  const running = cluster.one.tm(prolog(cluster.one.model, vm));
  await hold.reached;
  await cluster.controller.kill('SIGKILL');
  await cluster.controller.start();
  await hold.release();
  expect(await running).toMatchObject([{ exit: 0 }]);
  await sameContent(source, 'raw', diskOf(vm), 'raw');
});

it('takes everything back when the shim is told to stop', async () => {
  const vm = newVm();
  const hold = await holdCopy();
  const stop = new AbortController();
  const running = cluster.one.tm(prolog(cluster.one.model, vm), stop.signal);
  await hold.reached;
  stop.abort();
  expect((await running)[0]?.exit).not.toBe(0);
  await expect.poll(async () => (await cluster.operations(false)).length, { timeout: 30_000, interval: 50 }).toBe(0);
  await hold.release();
  expect(existsSync(diskOf(vm))).toBe(false);
  expect(temporaryNames(cluster.agent('host01').datastores)).toEqual([]);
});

it('lets a delete end the clone it supersedes', async () => {
  const vm = newVm();
  const hold = await holdCopy();
  const running = cluster.one.tm(prolog(cluster.one.model, vm));
  await hold.reached;
  const deleted = await cluster.one.tm(terminate(cluster.one.model, vm));
  expect(deleted.map((result) => result.exit)).toEqual([0, 0]);
  expect((await running)[0]?.exit).not.toBe(0);
  await hold.release();
  expect(tree(path.join(cluster.agent('host01').datastores, '107')).filter((name) => name.startsWith(`${vm.id}/`))).toEqual([]);
});

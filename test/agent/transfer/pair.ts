import { execFileSync } from 'node:child_process';
import { randomBytes, randomUUID } from 'node:crypto';
import { mkdir, open, readdir, symlink, utimes, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeEach } from 'vitest';
import { hasProgram } from '../../../agent/tools/programs.ts';
import type { OpenExportRequest } from '../../../proto/gen/onestorage/v1/OpenExportRequest.ts';
import type { ReceiveRequest } from '../../../proto/gen/onestorage/v1/ReceiveRequest.ts';
import { MIB } from '../../../runtime/units.ts';
import { childrenWith, openExport, PROXY_ADDRESS, type Received, receiveAt, startHost, type TestHost, until } from './hosts.ts';

const programs = await Promise.all(['nbdkit', 'nbdcopy', 'qemu-img'].map((name) => hasProgram(name as 'nbdkit')));
export const lacksPrograms = process.env['CI'] !== 'true' && programs.includes(false);
export const qemuImg = (...args: string[]): string => execFileSync('qemu-img', args, { encoding: 'utf8' });

/** 1 MiB of data at each of the places, holes between. */
export async function sparseFile(file: string, size: number, places: readonly number[]): Promise<void> {
  const handle = await open(file, 'w');
  await handle.truncate(size);
  for (const place of places) await handle.write(randomBytes(MIB), 0, MIB, place);
  await handle.close();
}

/** A qcow2 disk with one snapshot, laid out as on disk: base 0, active 1. */
export async function layeredDisk(directory: string, name: string): Promise<void> {
  await mkdir(join(directory, `${name}.snap`), { recursive: true });
  await symlink('.', join(directory, `${name}.snap`, `${name}.snap`));
  const raw = join(directory, 'content');
  await sparseFile(raw, 64 * MIB, [0, 20 * MIB]);
  const layer = (n: number): string => join(directory, `${name}.snap`, String(n));
  qemuImg('convert', '-q', '-f', 'raw', '-O', 'qcow2', raw, layer(0));
  qemuImg('create', '-q', '-f', 'qcow2', '-b', `${name}.snap/0`, '-F', 'qcow2', layer(1));
  execFileSync('qemu-io', ['-f', 'qcow2', '-c', 'write -P 7 40M 1M', layer(1)]);
  execFileSync('rm', [raw]);
  await symlink(`${name}.snap/1`, join(directory, name));
}

/** A VM with a layered disk, a raw one, a link to an image, and a file of the hypervisor's. */
export async function vmDirectory(host: TestHost): Promise<void> {
  const vm = host.at('0', '9');
  await mkdir(vm);
  await layeredDisk(vm, 'disk.0');
  await sparseFile(join(vm, 'disk.1'), 8 * MIB, [MIB]);
  await writeFile(join(vm, 'deployment.0'), '<domain/>', { mode: 0o640 });
  await utimes(join(vm, 'deployment.0'), 1_600_000_000, 1_600_000_000);
  await symlink(host.at('1', 'shared'), join(vm, 'disk.2'));
}

type Source = Omit<OpenExportRequest, 'operationId' | 'receiverMachineId'>;

interface Options {
  readonly from?: TestHost;
  readonly viaProxy?: boolean;
  readonly bytesPerSecond?: number;
  readonly alterCapability?: (capability: string) => string;
  readonly onOperation?: (id: string) => void;
}

/** Two agents, new for each test of the file that calls this. */
export class Pair {
  #hosts: readonly [TestHost, TestHost] | undefined;

  constructor() {
    beforeEach(async () => {
      this.#hosts = [await startHost('node1'), await startHost('node2', { retryForMs: 30_000 })];
    });
    afterEach(async () => {
      const hosts = [this.source, this.target];
      await Promise.all(hosts.map((host) => host.stop()));
      // Nothing that was started is left, however the test ended.
      await until(() => hosts.every((host) => childrenWith(host.root).length === 0));
    });
  }

  get source(): TestHost {
    return this.#hosts![0];
  }

  get target(): TestHost {
    return this.#hosts![1];
  }

  async transfer(
    request: Source,
    to: Pick<ReceiveRequest, 'disk' | 'image' | 'directory'>,
    { from = this.source, viaProxy = false, bytesPerSecond = 0, alterCapability = (same) => same, onOperation }: Options = {},
  ): Promise<Received> {
    const operationId = randomUUID();
    onOperation?.(operationId);
    const opened = { ...request, operationId, receiverMachineId: this.target.agent.machineId };
    const ticket = await openExport(from, opened);
    const address = viaProxy ? ticket.address.replace('127.0.0.1', PROXY_ADDRESS) : ticket.address;
    return await receiveAt(this.target, {
      operation: { operationId, subject: 'a test' },
      ticket: { ...ticket, address, capability: alterCapability(ticket.capability) },
      source: opened,
      ...to,
      bytesPerSecond,
    });
  }
}

export const image = (path: string, format = 'raw'): Source => ({ source: { datastoreId: 1, path }, format });

export const disk = (path: string, format = 'raw', sizeBytes = 0) => ({
  disk: { place: { datastoreId: 0, path }, format, sizeBytes, preallocate: false, monitor: 'agent_local' },
});

/** Temporary names below a directory. */
export const staged = async (directory: string): Promise<string[]> =>
  (await readdir(directory, { recursive: true }).catch(() => [])).filter((name) => name.includes('.onestorage.'));

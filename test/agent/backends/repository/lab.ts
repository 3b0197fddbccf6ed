import { execFileSync } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { mkdir, readdir, rm } from 'node:fs/promises';
import path from 'node:path';
import type { ChainOf } from '../../../../agent/backends/repository/input.ts';
import type { AgentContext, OperationResult } from '../../../../agent/context.ts';
import { bootBackup } from '../../../../agent/operations/boot-backup.ts';
import { flattenBackup } from '../../../../agent/operations/flatten-backup.ts';
import { importImage } from '../../../../agent/operations/import-image.ts';
import { listBackup } from '../../../../agent/operations/look-at-backups.ts';
import { removeBackup } from '../../../../agent/operations/remove-backup.ts';
import { storeBackup } from '../../../../agent/operations/store-backup.ts';
import { verifyBackup } from '../../../../agent/operations/verify-backup.ts';
import { secretsOf } from '../../../../agent/origin/secrets.ts';
import type { DiskBus, Machine } from '../../../../agent/tools/qemu-system.ts';
import type { ListBackupResponse } from '../../../../proto/gen/onestorage/v1/ListBackupResponse.ts';
import type { OperationHandle, OperationKind } from '../../../../runtime/operations/types.ts';
import { type TestAgent, testAgent } from '../../origin/agent.ts';
import { PLACES, type PlaceName, type Served } from './places.ts';
import { ChangingDisk, mib, stageVm } from './staged.ts';

/** Text that breaks what is quoted badly. */
export const VM_XML = `<VM><ID>7</ID><NAME>it's "a" & <b></NAME><TEMPLATE><DISK><DISK_ID>0</DISK_ID></DISK></TEMPLATE></VM>`.replace(
  '& <b>',
  '&amp; &lt;b&gt;',
);

/** What is in the lab and not an operation's own business: programs that a test cannot do without, by their names. */
export function missingServers(names: readonly string[]): boolean {
  const missing = names.filter((name) => {
    try {
      execFileSync('sh', ['-c', `PATH="$PATH:/usr/sbin" command -v ${name}`], { stdio: 'ignore' });
      return false;
    } catch {
      return true;
    }
  });
  if (missing.length > 0 && process.env['CI'] === 'true') throw new Error(`missing here: ${missing.join(', ')}`);
  return missing.length > 0;
}

/** An agent, a repository that is really served, and VM 7 with disks 0 and 2. */
export class BackupLab {
  readonly host: TestAgent;
  readonly agent: AgentContext;
  readonly served: Served;
  readonly disks: readonly ChangingDisk[];
  readonly staging: string;

  private constructor(host: TestAgent, served: Served, diskIds: readonly number[]) {
    this.host = host;
    this.served = served;
    this.agent = served.sshConfig === undefined ? host.agent : { ...host.agent, sshConfig: served.sshConfig };
    this.staging = path.join(host.root, 'datastores/1/7/backup');
    this.disks = diskIds.map((id) => new ChangingDisk(host.root, id));
  }

  static async start(name: PlaceName, diskIds: readonly number[] = [0, 2]): Promise<BackupLab> {
    const host = await testAgent();
    await mkdir(path.join(host.root, 'work'), { recursive: true });
    await mkdir(path.join(host.root, 'datastores/105'), { recursive: true });
    return new BackupLab(host, await PLACES[name].start(host.root), diskIds);
  }

  /** The same with another agent on the same directories, or with other secrets. */
  withHost(host: TestAgent, secret = this.served.secret): BackupLab {
    return new BackupLab(
      host,
      { ...this.served, secret },
      this.disks.map(({ id }) => id),
    );
  }

  async stop(): Promise<void> {
    await this.served.stop();
    await this.host.stop();
  }

  /** What a prebackup leaves for step 0, 1, 2 … */
  async stage(step: number): Promise<void> {
    await rm(this.staging, { recursive: true, force: true });
    for (const disk of this.disks) await (step === 0 ? disk.full(this.staging) : disk.increment(this.staging, step));
    await stageVm(this.staging, VM_XML);
  }

  submit<Input, Result>(kind: OperationKind<Input, Result>, input: Input, id: string = randomUUID()): OperationHandle<Result> {
    secretsOf(this.agent).put(id, { path: '', s3: undefined, repository: this.served.secret });
    return this.agent.operations.submit(kind, { id, subject: 'a test', input });
  }

  storeInput(step: number) {
    const { repository } = this.served;
    const source = { datastoreId: 1, path: '7/backup' };
    return { repository, vmId: 7, source, diskIds: this.disks.map(({ id }) => id), increment: step, follows: [] };
  }

  store(step: number, id?: string): Promise<OperationResult> {
    return this.submit(storeBackup(this.agent), this.storeInput(step), id).done;
  }

  /** A full backup and increments, stored. */
  async chain(increments: number): Promise<ChainOf> {
    const chain: ChainOf = [];
    for (let step = 0; step <= increments; step += 1) {
      await this.stage(step);
      const { backupId = '' } = await this.store(step);
      chain.push({ id: step, backupId });
    }
    return chain;
  }

  restoreInput(chain: ChainOf, diskId: string, target: string, format?: 'raw' | 'qcow2') {
    const { repository } = this.served;
    const backup = { repository, chain, diskId };
    const origin = { path: 'a backup', safeDirs: [], restrictedDirs: [], noDecompress: true, bytesPerSecond: 0, sealed: true, backup };
    const plain = { checksums: [], opaque: diskId === 'tpm', preallocate: false, stagingDir: '' };
    return { origin, target: { datastoreId: 1, path: target }, ...plain, ...(format === undefined ? {} : { convertTo: format }) };
  }

  restore(chain: ChainOf, diskId: string, target: string, format?: 'raw' | 'qcow2'): Promise<OperationResult> {
    return this.submit(importImage(this.agent), this.restoreInput(chain, diskId, target, format)).done;
  }

  at(target: string): string {
    return path.join(this.host.datastore, target);
  }

  list(chain: ChainOf, diskId = ''): Promise<ListBackupResponse> {
    const { repository, secret } = this.served;
    return listBackup(this.agent, { repository, secret }, { chain, diskId, withDocument: true }, AbortSignal.timeout(300_000));
  }

  verify(chain: ChainOf): Promise<OperationResult> {
    return this.submit(verifyBackup(this.agent), { repository: this.served.repository, chain }).done;
  }

  bootInput(chain: ChainOf, limitSeconds: number, bus: DiskBus = 'virtio', machine: Machine['type'] = 'pc') {
    const disks = this.disks.map((disk) => ({ diskId: disk.id, bus }));
    return { repository: this.served.repository, chain, disks, memoryBytes: mib(192), machine, limitSeconds };
  }

  boot(chain: ChainOf, limitSeconds: number, id?: string): OperationHandle<OperationResult> {
    return this.submit(bootBackup(this.agent), this.bootInput(chain, limitSeconds), id);
  }

  flatten(chain: ChainOf, keepLast: number, id?: string, sparsify = false): Promise<OperationResult> {
    const input = { repository: this.served.repository, vmId: 7, chain, keepLast, sparsify };
    return this.submit(flattenBackup(this.agent), input, id).done;
  }

  remove(backupIds: string[]): Promise<OperationResult> {
    return this.submit(removeBackup(this.agent), { repository: this.served.repository, backupIds }).done;
  }

  /** Temporary files of the agent, wherever it makes some. */
  async leftovers(): Promise<readonly string[]> {
    const places = [this.host.datastore, this.at('7'), path.join(this.host.root, 'work')];
    const names = await Promise.all(places.map((place) => readdir(place).catch(() => [])));
    return names.flat().filter((name) => name.startsWith('.onestorage.'));
  }
}

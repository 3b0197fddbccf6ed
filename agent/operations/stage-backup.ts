import path from 'node:path';
import { z } from 'zod';
import { StorageError } from '../../runtime/errors.ts';
import type { OperationKind } from '../../runtime/operations/types.ts';
import { commitLeftOverlays, commitLeftOverlaysOff } from '../backends/backup/left-overlays.ts';
import { copyOff, planOff, undoOff } from '../backends/backup/off.ts';
import { copyRunning, planRunning, undoRunning } from '../backends/backup/running.ts';
import { beginStaging, publishStaging, stagedDirectory, stagingOf, writeDocument } from '../backends/backup/staging.ts';
import { stageTpm } from '../backends/backup/tpm.ts';
import { type BackupDisk, type BackupWork, type LiveBackupWork, TRACKING } from '../backends/backup/work.ts';
import { locate, PlaceInput } from '../backends/file/places.ts';
import { discard } from '../backends/file/stage.ts';
import { ownSignal } from '../backends/live/jobs.ts';
import { settleDisk } from '../backends/live/migration-names.ts';
import { confined } from '../backends/repository/context.ts';
import { LimitsInput, type LimitsOf } from '../backends/repository/input.ts';
import type { AgentContext } from '../context.ts';
import { requireSpace } from '../transfer/space.ts';
import { domainOf, QuietInput, quietOf } from './guest-input.ts';
import { placeResources } from './volume-input.ts';

export const BackupVmInput = z.object({
  /** `<datastore>`, `<vm>`. */
  directory: PlaceInput,
  vmId: z.number().int().nonnegative(),
  disks: z.array(z.object({ id: z.number().int().nonnegative(), format: z.enum(['raw', 'qcow2']) })).max(1000),
  /** Empty: the VM is off. */
  domain: z.string().max(200),
});
export type BackupVmInput = z.infer<typeof BackupVmInput>;

export const StageBackupInput = BackupVmInput.extend({
  increment: z.number().int().nonnegative(),
  tracking: z.enum(TRACKING),
  quiet: QuietInput,
  document: z.string(),
  tpm: z.boolean(),
  bytesPerSecond: z.number().int().nonnegative(),
  limits: LimitsInput,
});
export type StageBackupInput = z.infer<typeof StageBackupInput>;

/** What it needs to know of its host. */
export type StagingAgent = Pick<AgentContext, 'datastores' | 'stateDirectory' | 'hostName' | 'libvirt' | 'backupBasePath'>;

export function backupResources(agent: Pick<AgentContext, 'datastores'>, { directory, domain }: BackupVmInput): readonly string[] {
  return [...placeResources(agent.datastores, directory), ...(domain === '' ? [] : [`domain:${domain}`])];
}

/** The files of a backup: prebackup, prebackup_live (contract 7.2, 7.3). */
export function stageBackup(agent: StagingAgent): OperationKind<StageBackupInput, undefined> {
  return {
    name: 'backup.stage',
    input: StageBackupInput,
    // Passwords may stand in the VM's context.
    forgetInput: true,
    resources: (input) => backupResources(agent, input),
    async run(input, context) {
      const { work, live, vmDirectory } = await workOf(agent, input, context.operationId);
      const { staging } = work;
      await context.step('settle', async () => {
        // A migration that nobody ended may have changed names.
        for (const disk of work.disks) await settleDisk(disk, context.operationId);
        if (live === undefined) await commitLeftOverlaysOff(vmDirectory, work.disks, context);
        else await commitLeftOverlays(live.domain, vmDirectory, input.vmId, context);
      });
      const prepare = async (needsBytes: number): Promise<void> => {
        await beginStaging(staging);
        const where = { datastoreId: input.directory.datastoreId, hostName: agent.hostName };
        await requireSpace(path.dirname(staging.directory), needsBytes, where);
        await writeDocument(staging, input.document);
      };
      if (live === undefined) {
        const plan = await context.step('plan', () => planOff(work, context));
        await context.step('prepare', () => prepare(plan.needsBytes));
        const counted = { reads: vmDirectory, writes: path.dirname(staging.directory) };
        const { before = [] } = await confined(context, input.limits, counted);
        await copyOff(work, plan, before, context);
      } else {
        const plan = await context.step('plan', () => planRunning(live, context));
        await context.step('prepare', () => prepare(plan.needsBytes));
        if (areSet(input.limits)) context.log('info', RUNNING_LIMITS);
        await copyRunning(live, plan, context);
      }
      await context.step('describe', async () => {
        const swtpm = agent.libvirt?.swtpm ?? '/var/lib/libvirt/swtpm';
        if (input.tpm) await stageTpm(staging, { vmDirectory, swtpm, domain: input.domain }, context);
      });
      context.commit();
      await context.step('publish', () => publishStaging(staging));
      return undefined;
    },
    async undo(input, context) {
      const { work, live } = await workOf(agent, input, context.operationId);
      try {
        if (live === undefined) await undoOff(work, ownSignal().signal);
        else await undoRunning(live, context);
      } finally {
        await discard(work.staging.stage);
      }
    },
  };
}

const RUNNING_LIMITS =
  'limits of CPU, memory and operations a second hold for VMs that are off: a running one is copied by its own hypervisor, within the bandwidth alone';

const areSet = ({ cpuPercent, memoryBytes, readOperationsPerSecond, writeOperationsPerSecond }: LimitsOf): boolean =>
  cpuPercent + memoryBytes + readOperationsPerSecond + writeOperationsPerSecond > 0;

interface Work {
  readonly work: BackupWork;
  /** The same of a running guest. */
  readonly live: LiveBackupWork | undefined;
  readonly vmDirectory: string;
}

/** Throws outside_datastore, bad_argument. */
async function workOf(agent: StagingAgent, input: StageBackupInput, operationId: string): Promise<Work> {
  const { vmId, increment, tracking, bytesPerSecond, quiet, domain } = input;
  const staging = stagingOf(await stagedDirectory(agent, input.directory), operationId);
  const work = { vmId, increment, tracking, bytesPerSecond, staging, disks: await disksOf(agent, input) };
  const live = domain === '' ? undefined : { ...work, domain: domainOf(agent, { domain }), quiet: quietOf(agent, quiet) };
  return { work, live, vmDirectory: (await locate(agent.datastores, input.directory)).path };
}

export async function disksOf(agent: Pick<AgentContext, 'datastores'>, { directory, disks, vmId }: BackupVmInput): Promise<BackupDisk[]> {
  if (directory.path !== String(vmId)) throw new StorageError('bad_argument', `'${directory.path}' is not the directory of VM ${vmId}`);
  return await Promise.all(
    disks.map(async ({ id, format }) => {
      const found = await locate(agent.datastores, { ...directory, path: `${directory.path}/disk.${id}` });
      return { id, format, path: found.path, directory: found.directory, name: found.name, root: found.root };
    }),
  );
}

import { setTimeout as sleep } from 'node:timers/promises';
import { asStorageError, StorageError } from '../../runtime/errors.ts';
import type { Logger } from '../../runtime/log.ts';
import { backupConfig } from './backup-data.ts';
import { askOpenNebula, type OpenNebulaOptions, orderOpenNebula } from './client.ts';
import { numberOf } from './pick.ts';

/** LCM states in which OpenNebula lets nobody change the configuration: BACKUP and BACKUP_POWEROFF. */
const IN_BACKUP: ReadonlySet<number | undefined> = new Set([69, 70]);
const EVERY_MS = 2000;
const TRIES = 300;
/** What one.vm.updateconf does with the rest of the configuration: it stays. */
const APPEND = 1;

/** Where the backups of a VM stand. */
export interface VmChain {
  readonly vmId: number;
  readonly backupRuns: boolean;
  /** 0: the next backup is a full one anyway. */
  readonly nextIncrement: number;
  /** The backup image that the next increment belongs to. */
  readonly imageId: number | undefined;
}

/** Throws opennebula_unavailable, not_found. */
export async function chainOfVm(options: OpenNebulaOptions, vmId: number, signal: AbortSignal): Promise<VmChain> {
  const vm = await askOpenNebula(options, 'one.vm.info', [vmId], signal);
  const { nextIncrement, imageId } = backupConfig(vm);
  return { vmId, backupRuns: IN_BACKUP.has(numberOf(vm, 'LCM_STATE')), nextIncrement, imageId };
}

/**
 * Lets the next backup of a VM be a full one, in a new image: OpenNebula forgets where a chain stands when the mode changes, and there is no other way to
 * tell it. false: it would be full anyway. A process that dies between the two calls leaves the mode FULL, which loses nothing. Throws
 * conflict while a backup runs.
 */
export async function resetChain(options: OpenNebulaOptions, vmId: number, signal: AbortSignal): Promise<boolean> {
  const { backupRuns, nextIncrement } = await chainOfVm(options, vmId, signal);
  if (backupRuns) throw new StorageError('conflict', `a backup of VM ${vmId} runs: wait until it has ended`);
  if (nextIncrement === 0) return false;
  for (const mode of ['FULL', 'INCREMENT']) {
    const template = `BACKUP_CONFIG = [ MODE = "${mode}" ]`;
    await orderOpenNebula(options, 'one.vm.updateconf', [vmId, template, APPEND], signal);
  }
  return true;
}

/** The same in the background, as soon as the backup that runs has ended. What cannot be done is found again by the next backup. */
export function resetChainLater(options: OpenNebulaOptions, log: Logger): (vmId: number) => void {
  return (vmId) => {
    const work = async (): Promise<void> => {
      for (let tried = 1; ; tried += 1) {
        await sleep(EVERY_MS, undefined, { ref: false });
        try {
          if (await resetChain(options, vmId, AbortSignal.timeout(options.timeoutMs))) {
            log.warn({ vm: vmId }, `the next backup of VM ${vmId} will be a full one: its chain was broken`);
          }
          return;
        } catch (thrown) {
          if (tried >= TRIES) throw thrown;
        }
      }
    };
    work().catch((thrown: unknown) =>
      log.error({ vm: vmId }, `the chain of VM ${vmId} could not be reset: ${asStorageError(thrown).message}`),
    );
  };
}

import { copyFile, mkdir, stat } from 'node:fs/promises';
import path from 'node:path';
import { asStorageError, StorageError } from '../../../runtime/errors.ts';
import type { OperationContext } from '../../../runtime/operations/types.ts';
import { MIB } from '../../../runtime/units.ts';
import { archive, extractMember } from '../../tools/tar.ts';
import { discard, stagePath } from '../file/stage.ts';
import { fileOf, type Staging } from './staging.ts';

/** Where libvirt keeps the state of a domain's TPM, below the directory of swtpm, and how OpenNebula calls its copy in the VM directory. */
const STATE = 'tpm2/tpm2-00.permall';
const COPY = 'tpm2-00.permall';
/** Of a state; they take some KiB. */
const LARGEST = 16 * MIB;

/**
 * `disk.tpm.0`: the state of the VM's TPM as a compressed tar that holds `tpm/` (contract 7.2). libvirt's own copy is the newest; that in the
 * VM directory is of the last time the VM was stopped. A VM that never ran has none. Errors: storage_failed when it may not be read.
 */
export async function stageTpm(
  staging: Staging,
  from: { readonly vmDirectory: string; readonly swtpm: string; readonly domain: string },
  context: OperationContext,
): Promise<void> {
  const { vmDirectory, swtpm, domain } = from;
  const target = fileOf(staging, 'tpm', 0);
  const copy = stagePath(path.join(staging.stage, 'tpm'), context.operationId);
  const state = path.join(swtpm, domain, STATE);
  try {
    if (domain !== '' && (await isThere(state))) {
      await mkdir(path.join(copy, 'tpm'), { recursive: true });
      await copyFile(state, path.join(copy, 'tpm', COPY));
      return await archive(target, copy, 'tpm', context);
    }
    if (await isThere(path.join(vmDirectory, 'tpm', COPY))) return await archive(target, vmDirectory, 'tpm', context);
    context.log('warn', 'the TPM of this VM has no state yet: the backup is without it');
  } finally {
    await discard(copy);
  }
}

/** What a restore takes of an archive that `stageTpm`, or a stock driver, made: the one file that is the TPM's state. Error not_found. */
export function takeTpm(from: string, target: string, context: OperationContext): Promise<void> {
  return extractMember(from, `tpm/${COPY}`, target, LARGEST, context);
}

async function isThere(file: string): Promise<boolean> {
  try {
    await stat(file);
    return true;
  } catch (thrown) {
    const error = asStorageError(thrown, 'read the state of the TPM');
    if (error.reason === 'not_found') return false;
    throw new StorageError('storage_failed', `${error.message}: let the user of the agent read it`);
  }
}

import { readFile, stat } from 'node:fs/promises';
import { asStorageError } from '../runtime/errors.ts';

export interface StartFacts {
  readonly datastores: string;
  /** Of the certificate. */
  readonly machineId: string;
  /** /etc/machine-id, but for tests. */
  readonly machineIdFile?: string;
}

/** What does not keep the agent from starting, but should not stay as it is. */
export async function startWarnings({ datastores, machineId, machineIdFile = '/etc/machine-id' }: StartFacts): Promise<readonly string[]> {
  const warnings: string[] = [];
  try {
    await stat(datastores);
  } catch (thrown) {
    const { message } = asStorageError(thrown);
    warnings.push(`the directory of the datastores is not there, it is made when it is first needed; is it to be mounted? (${message})`);
  }
  // Without the file there is nothing to compare with.
  const own = await readFile(machineIdFile, 'utf8').then(
    (text) => text.trim(),
    () => '',
  );
  if (own !== '' && own !== machineId) {
    const remedy = 'issue a certificate for this machine with: onestorage pki issue';
    warnings.push(`the certificate is for the machine ${machineId}, but ${machineIdFile} says ${own}: a copied certificate? ${remedy}`);
  }
  return warnings;
}

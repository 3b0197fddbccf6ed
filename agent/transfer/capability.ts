import { createHmac, randomBytes, timingSafeEqual } from 'node:crypto';
import { chmod, link, mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { z } from 'zod';
import { asStorageError, StorageError } from '../../runtime/errors.ts';
import { SourceInput } from './entries.ts';

/** What a capability gives the right to. */
export const Grant = z.object({
  operationId: z.string(),
  source: SourceInput,
  /** Machine id of the one agent that may use it. */
  receiver: z.string().min(1),
  expires: z.number(),
});

export type Grant = z.infer<typeof Grant>;

const KEY_BYTES = 32;

/** The key that seals capabilities: made once, kept in a private file, so that a capability outlives the agent's process. */
export async function capabilityKey(stateDirectory: string): Promise<Buffer> {
  const file = path.join(stateDirectory, 'transfer.key');
  try {
    const key = await readFile(file);
    if (key.length === KEY_BYTES) return key;
    throw new StorageError('storage_failed', `${file} is damaged; remove it and start the agent again`);
  } catch (thrown) {
    if (asStorageError(thrown).reason !== 'not_found') throw thrown;
  }
  await mkdir(stateDirectory, { recursive: true, mode: 0o700 });
  const fresh = `${file}.${process.pid}.${randomBytes(4).toString('hex')}`;
  await writeFile(fresh, randomBytes(KEY_BYTES), { mode: 0o600, flush: true });
  await chmod(fresh, 0o600);
  try {
    // Whoever is first wins; a link never replaces what is there.
    await link(fresh, file);
  } catch (thrown) {
    if (asStorageError(thrown).reason !== 'already_exists') throw thrown;
  } finally {
    await rm(fresh, { force: true });
  }
  return readFile(file);
}

function sign(key: Buffer, payload: string): Buffer {
  return createHmac('sha256', key).update(payload).digest();
}

export function seal(key: Buffer, grant: Grant): string {
  const payload = Buffer.from(JSON.stringify(grant)).toString('base64url');
  return `${payload}.${sign(key, payload).toString('base64url')}`;
}

/** Checks a capability for the agent that shows it. Error: forbidden. */
export function unseal(key: Buffer, capability: string, caller: { readonly machineId: string | undefined }, now: number): Grant {
  const [payload = '', signature = ''] = capability.split('.');
  const expected = sign(key, payload);
  const given = Buffer.from(signature, 'base64url');
  if (given.length !== expected.length || !timingSafeEqual(given, expected)) {
    throw new StorageError('forbidden', 'this capability was not given by this host, or was altered');
  }
  const grant = Grant.parse(JSON.parse(Buffer.from(payload, 'base64url').toString('utf8')));
  if (grant.receiver !== caller.machineId) throw new StorageError('forbidden', 'this capability was given to another host');
  if (now >= grant.expires) throw new StorageError('forbidden', 'this capability has expired; the action must be started again');
  return grant;
}

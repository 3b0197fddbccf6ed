import { randomUUID } from 'node:crypto';
import packageJson from '../../package.json' with { type: 'json' };
import { asStorageError } from '../../runtime/errors.ts';
import { readMarker, writeMarker } from '../backends/file/marker.ts';
import { datastoreRoot } from '../backends/file/places.ts';
import { type Usage, usage } from '../backends/file/usage.ts';
import type { AgentContext } from '../context.ts';
import { programVersions } from '../tools/versions.ts';

/** What this host is. Not an operation of the journal: it changes nothing. */
export interface HostDescription {
  readonly version: string;
  readonly programs: readonly string[];
}

/** `brief`: without the programs, for whoever only asks who is there. */
export async function describeHost(brief: boolean, signal: AbortSignal): Promise<HostDescription> {
  return { version: packageJson.version, programs: brief ? [] : await programVersions(signal) };
}

/** How full a datastore is. `create` makes its directory when it is missing, `monitor` its marker unless empty. Error: not_found. */
export async function datastoreUsage(
  agent: Pick<AgentContext, 'datastores'>,
  datastoreId: number,
  options: { readonly create: boolean; readonly monitor: string },
): Promise<Usage & { readonly marker: string | undefined }> {
  try {
    const root = datastoreRoot(agent.datastores, datastoreId);
    const found = await usage(root, options);
    if (options.monitor !== '') await writeMarker(root, options.monitor, randomUUID());
    return { ...found, marker: await readMarker(root) };
  } catch (thrown) {
    throw asStorageError(thrown, `usage of datastore ${datastoreId}`);
  }
}

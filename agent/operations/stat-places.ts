import { lstat, stat } from 'node:fs/promises';
import { StorageError } from '../../runtime/errors.ts';
import { lstatOrNothing } from '../backends/file/look.ts';
import { locate, type PlaceOf } from '../backends/file/places.ts';
import type { AgentContext } from '../context.ts';

export interface PlaceState {
  /** Empty: there is nothing. */
  readonly type: 'file' | 'directory' | 'link' | '';
  readonly sizeBytes: number;
  readonly allocatedBytes: number;
}

const LIMIT = 1000;
const NOTHING: PlaceState = { type: '', sizeBytes: 0, allocatedBytes: 0 };

/** What is at these places, in their order. A link is measured by what it leads to. Throws outside_datastore, too_big. */
export async function statPlaces(agent: Pick<AgentContext, 'datastores'>, places: readonly PlaceOf[]): Promise<PlaceState[]> {
  if (places.length > LIMIT) throw new StorageError('too_big', `${places.length} places are asked for; the limit is ${LIMIT}`);
  const located = await Promise.all(places.map((place) => locate(agent.datastores, place)));
  return await Promise.all(located.map(({ path }) => stateOf(path)));
}

async function stateOf(path: string): Promise<PlaceState> {
  const found = await lstatOrNothing(path);
  if (found === undefined) return NOTHING;
  const { size, blocks } = found.isSymbolicLink() ? await stat(path).catch(() => lstat(path)) : found;
  const type = found.isSymbolicLink() ? 'link' : found.isDirectory() ? 'directory' : 'file';
  return { type, sizeBytes: size, allocatedBytes: blocks * 512 };
}

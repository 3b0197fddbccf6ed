import { constants } from 'node:fs';
import { open } from 'node:fs/promises';
import { z } from 'zod';
import { asStorageError, StorageError } from '../../../runtime/errors.ts';
import { formatBytes, MIB } from '../../../runtime/units.ts';
import { locate, locateBelow, PlaceInput } from './places.ts';

/** Where a file of a context image comes from. */
export const ContextOriginInput = z.discriminatedUnion('from', [
  /** Below the directory of oned's VM files: "9/context.sh". */
  z.object({ from: z.literal('vm'), path: z.string() }),
  z.object({ from: z.literal('place'), place: PlaceInput }),
  z.object({ from: z.literal('url'), url: z.string() }),
]);

export type ContextOrigin = z.infer<typeof ContextOriginInput>;

const MAX_DOWNLOAD = 64 * MIB;
const DOWNLOAD_MS = 60_000;

/** The name a file has at its origin. */
export function originName(origin: ContextOrigin): string {
  const path = origin.from === 'vm' ? origin.path : origin.from === 'place' ? origin.place.path : parseUrl(origin.url).pathname;
  const name = path.split('/').at(-1) ?? '';
  return origin.from === 'url' ? decode(name) : name;
}

/** Opens it for reading. Links are not followed. Errors: not_found, outside_datastore, conflict, origin_failed, too_big, timeout. */
export async function openOrigin(
  origin: ContextOrigin,
  dirs: { readonly datastores: string; readonly vmFiles: string },
  signal: AbortSignal,
): Promise<AsyncIterable<Uint8Array>> {
  if (origin.from === 'url') return download(parseUrl(origin.url), signal);
  if (origin.from === 'vm') return readPlain((await locateBelow(dirs.vmFiles, origin.path)).path);
  return readPlain((await locate(dirs.datastores, origin.place)).path);
}

async function readPlain(file: string): Promise<AsyncIterable<Uint8Array>> {
  try {
    const handle = await open(file, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK);
    if (!(await handle.stat()).isFile()) {
      await handle.close();
      throw new StorageError('bad_argument', `${file} is not a plain file`);
    }
    return handle.createReadStream();
  } catch (thrown) {
    throw asStorageError(thrown, 'file of the context');
  }
}

function parseUrl(text: string): URL {
  const url = URL.parse(text);
  if (url === null || (url.protocol !== 'http:' && url.protocol !== 'https:')) {
    throw new StorageError('bad_argument', `'${text.slice(0, 200)}' is not a http or https address`);
  }
  return url;
}

function decode(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}

/** Without query and password: those may be secret. */
function shown(url: URL): string {
  return `${url.origin}${url.pathname}`;
}

async function* download(url: URL, signal: AbortSignal): AsyncGenerator<Uint8Array> {
  const limit = AbortSignal.timeout(DOWNLOAD_MS);
  try {
    const response = await fetch(url, { signal: AbortSignal.any([signal, limit]) });
    if (!response.ok) {
      await response.body?.cancel();
      throw new StorageError('origin_failed', `${shown(url)}: the server answered ${response.status}`);
    }
    let size = 0;
    for await (const chunk of response.body ?? []) {
      size += chunk.length;
      if (size > MAX_DOWNLOAD) throw new StorageError('too_big', `${shown(url)} is larger than ${formatBytes(MAX_DOWNLOAD)}`);
      yield chunk;
    }
  } catch (thrown) {
    if (thrown instanceof StorageError) throw thrown;
    if (signal.aborted) throw asStorageError(signal.reason);
    if (limit.aborted) throw new StorageError('timeout', `${shown(url)}: not here after ${DOWNLOAD_MS / 1000} s`);
    const why = thrown instanceof Error && thrown.cause instanceof Error ? thrown.cause.message : String(thrown);
    throw new StorageError('origin_failed', `${shown(url)}: ${why}`, { cause: thrown });
  }
}

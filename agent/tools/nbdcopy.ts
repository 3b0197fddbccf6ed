import { open } from 'node:fs/promises';
import { asStorageError, StorageError } from '../../runtime/errors.ts';
import { run, type ToolContext } from './run.ts';

export interface NbdSource {
  /** Must be a name or an address of the server's certificate: libnbd compares it. */
  readonly host: string;
  readonly port: number;
  readonly exportName: string;
  /** Directory with ca-cert.pem, client-cert.pem and client-key.pem. */
  readonly certificates: string;
}

export interface NbdcopyOptions {
  readonly sizeBytes: number;
  /** Every block is allocated, holes too. */
  readonly preallocate?: boolean;
  /** The server is slowed down: small requests, so that it can also be stopped. */
  readonly limited?: boolean;
  /** Called with 0 to 1. */
  readonly onProgress?: (done: number) => void;
}

const CONNECTIONS = 4;
/**
 * Requests in flight on each connection: 4 MiB in all fill 10 Gbit/s at 3 ms. Larger ones, and more of them, no longer fit into the caches of the
 * processors: a tenth more CPU on both ends. Smaller ones take more calls for the same bytes.
 */
const LARGE = ['--requests=2', '--request-size=524288'] as const;
const SMALL = ['--requests=4', '--request-size=65536'] as const;

export function nbdUri({ host, port, exportName, certificates }: NbdSource): string {
  const name = host.includes(':') ? `[${host}]` : host;
  return `nbds://${name}:${port}/${encodeURIComponent(exportName)}?tls-certificates=${encodeURIComponent(certificates)}`;
}

/** Makes `target` anew as a copy of an export: holes stay holes. It is on disk when this returns. Errors: tool_failed, no_space, cancelled. */
export async function nbdcopy(source: NbdSource, target: string, options: NbdcopyOptions, context: ToolContext): Promise<void> {
  const { sizeBytes, preallocate = false, limited = false, onProgress } = options;
  try {
    const handle = await open(target, 'wx', 0o600);
    try {
      await handle.truncate(sizeBytes);
    } finally {
      await handle.close();
    }
  } catch (thrown) {
    throw asStorageError(thrown, 'make');
  }
  const { signal, count } = context;
  const tool = { signal, ...(count === undefined ? {} : { count }) };
  const onLine = (line: string): void => {
    const percent = /^(\d+)\/100$/u.exec(line)?.[1];
    if (percent !== undefined) onProgress?.(Number(percent) / 100);
  };
  const args = [
    `--connections=${CONNECTIONS}`,
    ...(limited ? SMALL : LARGE),
    '--flush',
    '--progress=1',
    '--destination-is-zero',
    nbdUri(source),
    target,
  ];
  try {
    await run('nbdcopy', args, { ...tool, onLine });
    // Not nbdcopy's --allocated, which leaves holes in 1.14; and not before, since it empties the file first.
    if (preallocate && sizeBytes > 0) await run('fallocate', ['--length', String(sizeBytes), target], tool);
  } catch (thrown) {
    throw withoutName(asStorageError(thrown), source.exportName);
  }
}

/** The name of an export opens it, and details are logged. */
function withoutName({ reason, message, detail }: StorageError, exportName: string): StorageError {
  const hide = (text: string): string => text.replaceAll(exportName, '[secret]');
  return new StorageError(reason, hide(message), detail === undefined ? {} : { detail: hide(detail) });
}

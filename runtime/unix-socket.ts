import { chmod, lstat, mkdir, rename, stat, unlink } from 'node:fs/promises';
import type { Server as HttpServer } from 'node:http';
import { connect } from 'node:net';
import { dirname } from 'node:path';
import { asStorageError, StorageError } from './errors.ts';

/** The kernel's limit for the path of a unix socket, without the final zero. */
const MAX_PATH = 107;

function codeOf(thrown: unknown): unknown {
  return thrown instanceof Error ? Reflect.get(thrown, 'code') : undefined;
}

/** Does anybody answer there? */
async function answers(path: string): Promise<boolean> {
  return await new Promise((resolve, reject) => {
    const socket = connect(path);
    socket.once('connect', () => {
      socket.destroy();
      resolve(true);
    });
    socket.once('error', (error) => {
      const code = codeOf(error);
      if (code === 'ECONNREFUSED' || code === 'ENOENT') resolve(false);
      // A full backlog is somebody alive.
      else if (code === 'EAGAIN') resolve(true);
      else reject(error);
    });
  });
}

/** Throws conflict when a living process owns the path or it is no socket at all. */
async function refuseIfTaken(path: string, owner: string): Promise<void> {
  // /run is empty after a start of the machine; systemd makes the directory, and by hand root may.
  await mkdir(dirname(path), { mode: 0o755 }).catch(() => undefined);
  // The error of listen() would be "permission denied".
  if (!(await stat(dirname(path)).catch(() => undefined))?.isDirectory()) {
    throw new StorageError('bad_config', `${dirname(path)} is not there: make it for the user of the ${owner}, or choose another socket`);
  }
  const found = await lstat(path).catch((error: unknown) => {
    if (codeOf(error) === 'ENOENT') return undefined;
    throw error;
  });
  if (found === undefined) return;
  if (!found.isSocket()) throw new StorageError('conflict', `${path} exists and is not a socket: remove it, or choose another socket`);
  if (await answers(path)) throw new StorageError('conflict', `another ${owner} is running on ${path}: stop it first`);
}

/** An owned socket path. */
export interface BoundSocket {
  /** Removes the path, if it is still ours. */
  release(): Promise<void>;
}

export interface SocketPlace {
  readonly path: string;
  /** Rights of the file: whoever may open it may do everything it serves. */
  readonly mode: number;
  /** For the error about another one: `controller`. */
  readonly owner: string;
}

/**
 * Listens on a path. The socket is made under another name and renamed into place: from the first moment it is there it has its mode and
 * answers, and it replaces the left-over of a dead daemon without a gap. Throws conflict, or what the file system says.
 */
export async function bindSocket(server: HttpServer, { path, mode, owner }: SocketPlace): Promise<BoundSocket> {
  const temporary = `${path}.${process.pid}`;
  if (Buffer.byteLength(temporary) > MAX_PATH)
    throw new StorageError('bad_config', `socket ${path}: the path is longer than the system allows`);
  try {
    await refuseIfTaken(path, owner);
    await unlink(temporary).catch(() => undefined);
    await new Promise<void>((resolve, reject) => {
      server.once('error', reject);
      server.listen(temporary, () => {
        server.off('error', reject);
        resolve();
      });
    });
    await chmod(temporary, mode);
    await rename(temporary, path);
    const ours = await lstat(path, { bigint: true });
    return {
      release: async () => {
        const found = await lstat(path, { bigint: true }).catch(() => undefined);
        // Numbers of inodes are used again, so the time belongs to it.
        if (found?.ino === ours.ino && found.ctimeNs === ours.ctimeNs) await unlink(path).catch(() => undefined);
      },
    };
  } catch (thrown) {
    throw asStorageError(thrown, `socket ${path}`);
  }
}

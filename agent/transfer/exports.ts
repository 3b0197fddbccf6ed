import { randomBytes } from 'node:crypto';
import { mkdir, rm } from 'node:fs/promises';
import { isIP } from 'node:net';
import path from 'node:path';
import { StorageError } from '../../runtime/errors.ts';
import { startNbdkit } from '../tools/nbdkit.ts';
import type { StartedProcess } from '../tools/run.ts';
import { hostOf } from './address.ts';
import type { Ports } from './ports.ts';

/** The agent's own part of an export. */
export interface ExportHost {
  readonly stateDirectory: string;
  /** host:port as others reach this agent. */
  readonly address: string;
  readonly certificates: string;
  readonly ports: Ports;
}

interface Open {
  readonly port: number;
  readonly process: StartedProcess;
  free(): void;
}

/** At once, so that a receiver can ask for the next file while it copies one. */
const MOST = 4;

/** The running nbdkits of one fetch: one a file, gone when the file was copied or the fetch ends. */
export class Exports {
  readonly #host: ExportHost;
  readonly #signal: AbortSignal;
  readonly #bytesPerSecond: number;
  readonly #open = new Map<number, Open>();

  constructor(host: ExportHost, signal: AbortSignal, bytesPerSecond: number) {
    this.#host = host;
    this.#signal = signal;
    this.#bytesPerSecond = bytesPerSecond;
  }

  /** Serves a file under a name nobody can guess. Asked again: anew. Errors: busy, missing_program, tool_failed. */
  async serve(entry: number, file: string): Promise<{ readonly port: number; readonly exportName: string }> {
    await this.close(entry);
    if (this.#open.size >= MOST) throw new StorageError('busy', `at most ${MOST} files of one transfer are opened at once`);
    const { stateDirectory, address, certificates, ports } = this.#host;
    const exportName = randomBytes(24).toString('base64url');
    const directory = path.join(stateDirectory, 'exports');
    await mkdir(directory, { recursive: true, mode: 0o700 });
    const pidFile = path.join(directory, `${exportName}.pid`);
    const host = hostOf(address);
    const claimed = await ports.claim((port) =>
      startNbdkit(
        {
          file,
          exportName,
          port,
          // A name may stand for the loopback address on the host itself; then all addresses are served. Certificates guard them.
          address: isIP(host) === 0 ? undefined : host,
          certificates,
          pidFile,
          bytesPerSecond: this.#bytesPerSecond,
        },
        { signal: this.#signal },
      ),
    );
    const { port, value, free } = claimed;
    this.#open.set(entry, { port, process: value, free });
    void value.exited.then(async () => {
      free();
      await rm(pidFile, { force: true });
    });
    return { port, exportName };
  }

  async close(entry: number): Promise<void> {
    const open = this.#open.get(entry);
    this.#open.delete(entry);
    await open?.process.kill();
  }

  async closeAll(): Promise<void> {
    await Promise.all([...this.#open.keys()].map((entry) => this.close(entry)));
  }
}

import { createSocket, type Socket } from 'node:dgram';
import { lookup } from 'node:dns/promises';
import { setTimeout as sleep } from 'node:timers/promises';
import { asStorageError, StorageError } from '../../runtime/errors.ts';
import type { Logger } from '../../runtime/log.ts';
import { monitorVmDatagrams } from './datagram.ts';
import { learnMonitord, type Monitord } from './monitord.ts';
import type { MonitordConfig } from './monitord-config.ts';
import type { VmSizes } from './vm-sizes.ts';

export interface PushOptions {
  readonly config: MonitordConfig;
  readonly sizes: () => readonly VmSizes[];
  readonly log: Logger;
}

/** How soon to look again for an onemonitord that is not known yet. */
const RETRY_MS = 30_000;
/** Between two datagrams: the kernel keeps but two or three of them for an onemonitord that is busy, and drops the rest. */
const GAP_MS = 100;

/** Tells onemonitord the sizes of all disks, as often as it asks its probes for them. */
export class Push {
  readonly #options: PushOptions;
  readonly #ended = new AbortController();
  #running: Promise<void> | undefined;
  #lastProblem = '';

  constructor(options: PushOptions) {
    this.#options = options;
  }

  start(): void {
    this.#running ??= this.#run();
  }

  /** The datagram that is being sent is sent, and nothing after it. */
  async stop(): Promise<void> {
    this.#ended.abort(new StorageError('cancelled', 'the agent stops'));
    await this.#running;
  }

  async #run(): Promise<void> {
    const { signal } = this.#ended;
    while (!signal.aborted) {
      const pause = await this.#round();
      await sleep(pause, undefined, { signal }).catch(() => undefined);
    }
  }

  /** One report. Gives the pause after it, in milliseconds. */
  async #round(): Promise<number> {
    const { config, sizes, log } = this.#options;
    try {
      const monitord = await learnMonitord(config);
      await send(monitord, sizes(), log, this.#ended.signal);
      this.#lastProblem = '';
      return monitord.intervalMs;
    } catch (thrown) {
      if (this.#ended.signal.aborted) return 0;
      const { message } = asStorageError(thrown, 'tell onemonitord the sizes of disks');
      // It stays the same for hours when oned has not started its probes.
      log[message === this.#lastProblem ? 'debug' : 'warn']({ error: message }, 'sizes of disks were not reported');
      this.#lastProblem = message;
      return RETRY_MS;
    }
  }
}

async function send(monitord: Monitord, vms: readonly VmSizes[], log: Logger, signal: AbortSignal): Promise<void> {
  if (vms.length === 0) return;
  const { datagrams, left } = monitorVmDatagrams(vms, { ...monitord, epoch: Math.floor(Date.now() / 1000) });
  if (left.length > 0) log.warn({ vms: left }, 'virtual machines with too many disks and snapshots for one datagram');
  const { address, family } = await lookup(monitord.address);
  const socket = createSocket(family === 6 ? 'udp6' : 'udp4');
  try {
    for (const [index, datagram] of datagrams.entries()) {
      if (index > 0) await sleep(GAP_MS, undefined, { signal });
      await sendOne(socket, datagram, monitord.port, address);
    }
  } finally {
    socket.close();
  }
  log.debug({ address, port: monitord.port, vms: vms.length, datagrams: datagrams.length }, 'sizes of disks reported');
}

async function sendOne(socket: Socket, datagram: Buffer, port: number, address: string): Promise<void> {
  const sent = Promise.withResolvers<void>();
  socket.once('error', sent.reject);
  socket.send(datagram, port, address, (error) => (error === null ? sent.resolve() : sent.reject(error)));
  await sent.promise.finally(() => socket.off('error', sent.reject));
}

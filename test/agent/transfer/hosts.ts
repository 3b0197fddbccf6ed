import { readdirSync, readFileSync } from 'node:fs';
import { mkdir, mkdtemp, readFile, rm } from 'node:fs/promises';
import { connect, createServer, type Server, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { AgentContext } from '../../../agent/context.ts';
import { receive } from '../../../agent/operations/receive.ts';
import { RIGHTS } from '../../../agent/rights.ts';
import { operationsService } from '../../../agent/services/operations.ts';
import { type TransferOptions, transfersService } from '../../../agent/services/transfers.ts';
import type { OpenExportRequest } from '../../../proto/gen/onestorage/v1/OpenExportRequest.ts';
import type { OperationEvent__Output } from '../../../proto/gen/onestorage/v1/OperationEvent.ts';
import type { ReceiveRequest } from '../../../proto/gen/onestorage/v1/ReceiveRequest.ts';
import type { Ticket__Output } from '../../../proto/gen/onestorage/v1/Ticket.ts';
import { callStream, callUnary, openChannel } from '../../../runtime/channel.ts';
import { isReason, StorageError } from '../../../runtime/errors.ts';
import { type Identity, loadIdentity } from '../../../runtime/identity/identity.ts';
import { createLogger } from '../../../runtime/log.ts';
import { Operations } from '../../../runtime/operations/operations.ts';
import { startService } from '../../../runtime/service.ts';

/** Where proxies of these tests listen, so that they can use the very ports of the agent they stand before. */
export const PROXY_ADDRESS = '127.0.0.3';

export interface TestHost {
  readonly agent: AgentContext;
  readonly root: string;
  readonly port: number;
  /** Path below its datastores. */
  at(...words: string[]): string;
  stop(): Promise<void>;
}

export interface HostOptions extends TransferOptions {
  readonly machineId?: string;
  /** Holds the datastores; made when not given. */
  readonly datastores?: string;
  /** Of an earlier start: its datastores and its state are taken up, and `stop` leaves them. */
  readonly root?: string;
  /** Directory with its identity, for a host in another process than its authority. */
  readonly identity?: string;
}

// Below the ports the kernel gives out by itself; one that is taken is passed over.
let nextPorts = 10_000 + (process.pid % 200) * 100;

/** Loaded when used: it belongs to a test run, and a host may be in a process of its own. */
async function makeIdentity(...words: Parameters<typeof import('../../helpers/pki.ts')['testIdentity']>): Promise<Identity> {
  const { testIdentity } = await import('../../helpers/pki.ts');
  return await testIdentity(...words);
}

/** An agent's transfer part in this process, on a free port of 127.0.0.1. */
export async function startHost(hostName: string, options: HostOptions = {}): Promise<TestHost> {
  const root = options.root ?? (await mkdtemp(join(tmpdir(), `onestorage-${hostName}-`)));
  const datastores = options.datastores ?? join(root, 'datastores');
  const stateDirectory = join(root, 'state');
  for (const id of ['0', '1']) await mkdir(join(datastores, id), { recursive: true });
  await mkdir(stateDirectory, { recursive: true });
  const machineId = options.machineId ?? `machine-of-${hostName}`;
  const identity =
    options.identity === undefined
      ? await makeIdentity('agent', { hostName, machineId, addresses: ['127.0.0.1', PROXY_ADDRESS] })
      : await loadIdentity(options.identity, 'agent');
  const log = createLogger('test', process.env['TEST_LOG'] ?? 'silent');
  const operations = new Operations({ file: join(stateDirectory, 'journal.db'), log });
  const first = nextPorts;
  nextPorts += 20;
  // The address is known only once the service listens.
  const late = { address: '' };
  const agent: AgentContext = {
    datastores,
    remotes: '/var/tmp/one',
    vmFiles: join(root, 'vms'),
    stateDirectory,
    hostName,
    machineId,
    identity,
    get address() {
      return late.address;
    },
    dataPorts: { first, last: first + 19 },
    log,
    operations,
  };
  operations.register(receive(agent, options));
  operations.recover();
  const service = await startService({
    address: '127.0.0.1:0',
    identity,
    implementations: { Operations: operationsService(agent), Transfers: transfersService(agent, options) },
    rights: RIGHTS,
    log,
  });
  late.address = `127.0.0.1:${service.port}`;
  return {
    agent,
    root,
    port: service.port,
    at: (...words) => join(datastores, ...words),
    stop: async () => {
      await operations.drain(0);
      service.stop();
      operations.stop();
      if (options.root === undefined) await rm(root, { recursive: true, force: true });
    },
  };
}

const never = new AbortController().signal;

async function controllerChannel(host: TestHost) {
  return openChannel(host.agent.address, await makeIdentity('controller', { hostName: 'front-end' }), { machineId: host.agent.machineId });
}

export async function openExport(host: TestHost, request: OpenExportRequest): Promise<Ticket__Output> {
  const channel = await controllerChannel(host);
  try {
    return await callUnary(channel.client('Transfers'), 'Open', request, { signal: never });
  } finally {
    channel.close();
  }
}

export interface Received {
  readonly result: { readonly format: string; readonly sizeBytes: number } | undefined;
  readonly figures: { readonly movedBytes: number; readonly skippedBytes: number; readonly verifiedBytes: number };
  readonly log: readonly string[];
}

/** Receives to the end. Throws the failure of the operation. */
export async function receiveAt(
  host: TestHost,
  request: ReceiveRequest,
  onEvent: (event: OperationEvent__Output) => void = () => undefined,
): Promise<Received> {
  const channel = await controllerChannel(host);
  const log: string[] = [];
  try {
    for await (const event of callStream(channel.client('Transfers'), 'Receive', request, { signal: never })) {
      onEvent(event);
      if (event.log) log.push(event.log.text);
      const { outcome } = event;
      if (!outcome) continue;
      const { failure } = outcome;
      if (failure) throw new StorageError(isReason(failure.reason) ? failure.reason : 'internal', failure.message);
      const figures = outcome.figures ?? { movedBytes: 0, skippedBytes: 0, verifiedBytes: 0 };
      return { result: outcome.result ?? undefined, figures, log };
    }
    throw new Error('no outcome');
  } finally {
    channel.close();
  }
}

export interface Proxy {
  /** What came from the server, data ports alone. */
  readonly dataBytes: () => number;
  /** Cuts all connections once, when so many data bytes have passed. */
  cutAfter(bytes: number): void;
  close(): Promise<void>;
}

/** Stands before an agent's gRPC port and data ports, on another address. */
export async function startProxy(host: TestHost): Promise<Proxy> {
  const servers: Server[] = [];
  const sockets = new Set<Socket>();
  let dataBytes = 0;
  let cutAt = Number.POSITIVE_INFINITY;
  const forward = async (port: number, isData: boolean): Promise<void> => {
    const server = createServer((near) => {
      const far = connect({ host: '127.0.0.1', port });
      for (const socket of [near, far]) {
        sockets.add(socket);
        socket.on('error', () => undefined);
        socket.on('close', () => {
          sockets.delete(socket);
          near.destroy();
          far.destroy();
        });
      }
      far.on('data', (chunk) => {
        if (isData) dataBytes += chunk.length;
        if (dataBytes < cutAt) return;
        cutAt = Number.POSITIVE_INFINITY;
        for (const socket of sockets) socket.destroy();
      });
      near.pipe(far);
      far.pipe(near);
    });
    await new Promise<void>((resolve, reject) => {
      server.once('error', reject);
      server.listen(port, PROXY_ADDRESS, resolve);
    });
    servers.push(server);
  };
  await forward(host.port, false);
  for (let port = host.agent.dataPorts.first; port <= host.agent.dataPorts.last; port += 1) await forward(port, true);
  return {
    dataBytes: () => dataBytes,
    cutAfter: (bytes) => {
      cutAt = dataBytes + bytes;
    },
    close: async () => {
      for (const socket of sockets) socket.destroy();
      await Promise.all(servers.map((server) => new Promise((resolve) => server.close(resolve))));
    },
  };
}

/** Running nbdkit and nbdcopy processes whose command line names `word`. */
export function childrenWith(word: string): { readonly pid: number; readonly name: string }[] {
  const found: { pid: number; name: string }[] = [];
  for (const pid of readdirSync('/proc').filter((name) => /^\d+$/u.test(name))) {
    try {
      const [program = '', ...args] = readFileSync(`/proc/${pid}/cmdline`, 'utf8').split('\0');
      const name = program.split('/').at(-1) ?? '';
      if (['nbdkit', 'nbdcopy'].includes(name) && args.join(' ').includes(word)) found.push({ pid: Number(pid), name });
    } catch {
      // It has ended.
    }
  }
  return found;
}

/** Waits until `condition` holds. */
export async function until(condition: () => boolean | Promise<boolean>): Promise<void> {
  while (!(await condition())) await new Promise((resolve) => setTimeout(resolve, 5));
}

export async function same(a: string, b: string): Promise<boolean> {
  return (await readFile(a)).equals(await readFile(b));
}

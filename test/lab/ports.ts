import { createServer, type Server } from 'node:net';

/** Ports of one site: a block below the range from which the kernel gives ports to clients, so that nothing takes one in between. */
export interface PortBlock {
  readonly control: readonly number[];
  readonly data: readonly { readonly first: number; readonly last: number }[];
  release(): Promise<void>;
}

const FIRST = 10_000;
const LAST = 32_000;
const DATA_PORTS = 24;

/**
 * Finds a free block for `agents` agents: a control port and a range of data ports each. The first port of the block stays bound as long
 * as the site lives: two labs at once never choose the same block.
 */
export async function reservePorts(agents: number): Promise<PortBlock> {
  const size = 1 + agents * (1 + DATA_PORTS);
  const blocks = Math.floor((LAST - FIRST) / size);
  for (let attempt = 0; attempt < 100; attempt += 1) {
    const base = FIRST + size * Math.floor(Math.random() * blocks);
    const guard = await bind(base);
    if (guard === undefined) continue;
    const numbers = Array.from({ length: size - 1 }, (_, index) => base + 1 + index);
    if (await allFree(numbers)) return block(guard, numbers, agents);
    await close(guard);
  }
  throw new Error(`no block of ${size} free ports between ${FIRST} and ${LAST}`);
}

function block(guard: Server, numbers: readonly number[], agents: number): PortBlock {
  const data = Array.from({ length: agents }, (_, index) => {
    const first = (numbers[agents] ?? 0) + index * DATA_PORTS;
    return { first, last: first + DATA_PORTS - 1 };
  });
  return { control: numbers.slice(0, agents), data, release: () => close(guard) };
}

async function allFree(numbers: readonly number[]): Promise<boolean> {
  const servers = await Promise.all(numbers.map(bind));
  await Promise.all(servers.map((server) => (server === undefined ? undefined : close(server))));
  return servers.every((server) => server !== undefined);
}

function bind(port: number): Promise<Server | undefined> {
  const server = createServer();
  return new Promise((resolve) => {
    server.once('error', () => resolve(undefined));
    server.listen(port, '127.0.0.1', () => resolve(server));
  });
}

function close(server: Server): Promise<void> {
  return new Promise((resolve) => server.close(() => resolve()));
}

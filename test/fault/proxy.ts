import type { AddressInfo } from 'node:net';
import { connect, createServer, type Socket } from 'node:net';

/** A piece of network between two agents that can be cut: then nothing comes through, and nobody is told, as when a cable is pulled. */
export interface Cable {
  /** `127.0.0.1:PORT` */
  readonly address: string;
  cut(): void;
  mend(): void;
  stop(): Promise<void>;
}

/** Passes connections on to `address`. */
export async function startProxy(address: string): Promise<Cable> {
  const [host = '', port = ''] = address.split(':');
  const sockets = new Set<Socket>();
  let isCut = false;
  const server = createServer((near) => {
    const far = connect(Number(port), host);
    for (const [from, to] of [
      [near, far],
      [far, near],
    ] as const) {
      sockets.add(from);
      from.on('error', () => undefined); // the other end closes it too
      from.on('data', (data) => void (isCut ? undefined : to.write(data)));
      from.on('close', () => {
        sockets.delete(from);
        if (!isCut) to.destroy();
      });
    }
  });
  await new Promise<void>((resolve, reject) => server.once('error', reject).listen(0, '127.0.0.1', resolve));
  return {
    address: `127.0.0.1:${(server.address() as AddressInfo).port}`,
    cut: () => {
      isCut = true;
    },
    mend: () => {
      isCut = false;
      // What was lost on the way cannot be made good: such connections are broken.
      for (const socket of sockets) socket.destroy();
    },
    stop: async () => {
      for (const socket of sockets) socket.destroy();
      await new Promise<void>((resolve) => server.close(() => resolve()));
    },
  };
}

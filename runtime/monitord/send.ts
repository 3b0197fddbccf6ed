import { createSocket, type Socket } from 'node:dgram';
import { lookup } from 'node:dns/promises';
import { setTimeout as sleep } from 'node:timers/promises';
import { monitorVmDatagrams, type Sender } from './datagram.ts';
import type { VmSizes } from './template.ts';

/** Between two datagrams: the kernel keeps but two or three of them for an onemonitord that is busy, and drops the rest. */
const GAP_MS = 100;

/** What to say of machines that `left` names. */
export const TOO_MANY = 'virtual machines with too many disks and snapshots for one datagram';

/**
 * Tells onemonitord the sizes of disks. Gives how many datagrams that took, and the ids of machines that fit into none. Nobody answers a datagram:
 * errors are those of this host and of name resolution.
 */
export async function sendSizes(
  vms: readonly VmSizes[],
  to: { readonly address: string; readonly port: number },
  sender: Sender,
  signal: AbortSignal,
): Promise<{ readonly datagrams: number; readonly left: readonly number[] }> {
  if (vms.length === 0) return { datagrams: 0, left: [] };
  const { datagrams, left } = monitorVmDatagrams(vms, sender);
  const { address, family } = await lookup(to.address);
  const socket = createSocket(family === 6 ? 'udp6' : 'udp4');
  try {
    for (const [index, datagram] of datagrams.entries()) {
      if (index > 0) await sleep(GAP_MS, undefined, { signal });
      await sendOne(socket, datagram, to.port, address);
    }
  } finally {
    socket.close();
  }
  return { datagrams: datagrams.length, left };
}

async function sendOne(socket: Socket, datagram: Buffer, port: number, address: string): Promise<void> {
  const sent = Promise.withResolvers<void>();
  socket.once('error', sent.reject);
  socket.send(datagram, port, address, (error) => (error === null ? sent.resolve() : sent.reject(error)));
  await sent.promise.finally(() => socket.off('error', sent.reject));
}

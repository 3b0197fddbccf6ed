import { createSocket } from 'node:dgram';
import { inflateSync } from 'node:zlib';

/** A UDP listener in place of onemonitord: collects datagrams and reads them (contract 6.3). */
export interface Datagram {
  readonly type: string;
  readonly status: string;
  readonly objectId: number;
  readonly epoch: number;
  readonly text: string;
}

export interface Monitord {
  readonly port: number;
  readonly received: readonly Datagram[];
  stop(): Promise<void>;
}

export async function startMonitord(): Promise<Monitord> {
  const received: Datagram[] = [];
  const socket = createSocket('udp4');
  socket.on('message', (message) => received.push(readDatagram(message.toString('latin1'))));
  await new Promise<void>((resolve, reject) => socket.once('error', reject).bind(0, '127.0.0.1', resolve));
  const stop = () => new Promise<void>((resolve) => socket.close(() => resolve()));
  return { port: socket.address().port, received, stop };
}

/** `TYPE STATUS OID EPOCH base64(deflate(text))` */
export function readDatagram(message: string): Datagram {
  const [type = '', status = '', objectId = '', epoch = '', payload = ''] = message.trim().split(' ');
  return {
    type,
    status,
    objectId: Number(objectId),
    epoch: Number(epoch),
    text: inflateSync(Buffer.from(payload, 'base64')).toString('utf8'),
  };
}

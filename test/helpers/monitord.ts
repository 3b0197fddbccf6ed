import { constants, type KeyObject, privateDecrypt } from 'node:crypto';
import { createSocket } from 'node:dgram';
import { inflateSync } from 'node:zlib';
import { type Attribute, readTemplate } from './template.ts';

const TYPES = new Set(['MONITOR_VM', 'MONITOR_HOST', 'SYSTEM_HOST', 'BEACON_HOST', 'STATE_VM', 'EXEC_VM', 'START_MONITOR', 'STOP_MONITOR']);
/** What does not fit into onemonitord's buffer is dropped without a word. */
const BUFFER = 65_536;

export interface Message {
  readonly type: string;
  readonly status: string;
  readonly hostId: number;
  readonly epoch: number;
  readonly text: string;
  readonly bytes: number;
}

/** Sizes in MiB; snapshots as `<disk>/<snapshot>`. */
export interface VmMonitoring {
  readonly disks: Readonly<Record<string, number>>;
  readonly snapshots: Readonly<Record<string, number>>;
}

export interface ReceiverOptions {
  /** onemonitord's own key; undefined: none is configured. */
  readonly privateKey?: KeyObject;
}

/** onemonitord's end of a datagram: decodes as it does and refuses what it refuses (contract 6.3). */
export class Receiver {
  readonly messages: Message[] = [];
  readonly refused: string[] = [];
  /** By virtual machine; a later message takes the place of an earlier one. */
  readonly vms = new Map<number, VmMonitoring>();
  readonly #options: ReceiverOptions;
  readonly #newest = new Map<number, number>();

  constructor(options: ReceiverOptions = {}) {
    this.#options = options;
  }

  receive(datagram: Buffer): void {
    try {
      const message = this.decode(datagram);
      if (message.type === 'MONITOR_VM') this.#monitorVm(message);
      this.messages.push(message);
    } catch (thrown) {
      this.refused.push(thrown instanceof Error ? thrown.message : String(thrown));
    }
  }

  decode(datagram: Buffer): Message {
    if (datagram.length >= BUFFER) throw new Error('larger than the buffer');
    const [, type = '', status = '', id = '', epoch = '', payload = ''] =
      /^\s*(\S+)\s+(\S+)\s+(-?\d+)\s+(\d+)\s*([^\n]*)/u.exec(datagram.toString('latin1')) ?? [];
    if (!TYPES.has(type)) throw new Error('not a message');
    const packed = Buffer.from(payload, 'base64');
    if (packed.toString('base64') !== payload.trim()) throw new Error('not base64');
    const data = inflateSync(packed);
    return { type, status, hostId: Number(id), epoch: Number(epoch), text: this.#decrypt(data).toString('utf8'), bytes: datagram.length };
  }

  #decrypt(data: Buffer): Buffer {
    const key = this.#options.privateKey;
    if (key === undefined) return data;
    const step = (key.asymmetricKeyDetails?.modulusLength ?? 0) / 8;
    try {
      const blocks: Buffer[] = [];
      for (let at = 0; at < data.length; at += step)
        blocks.push(privateDecrypt({ key, padding: constants.RSA_PKCS1_PADDING }, data.subarray(at, at + step)));
      return Buffer.concat(blocks);
    } catch {
      // Messages that are not encrypted are accepted too; a newer OpenSSL, though, makes noise of most of them instead of an error.
      return data;
    }
  }

  #monitorVm({ status, hostId, epoch, text }: Message): void {
    if (status !== 'SUCCESS') throw new Error(`status ${status}`);
    if (epoch !== 0 && (this.#newest.get(hostId) ?? 0) > epoch) throw new Error('out of order');
    if (epoch !== 0) this.#newest.set(hostId, epoch);
    const merged = new Map<number, Attribute[]>();
    for (const { name, value } of readTemplate(text)) {
      if (name !== 'VM' || typeof value === 'string') continue;
      const id = Number(value.get('ID') ?? -1);
      const monitor = Buffer.from(value.get('MONITOR') ?? '', 'base64').toString('utf8');
      merged.set(id, [...(merged.get(id) ?? []), ...readTemplate(monitor)]);
    }
    for (const [id, attributes] of merged) this.vms.set(id, monitoringOf(attributes));
  }
}

function monitoringOf(attributes: readonly Attribute[]): VmMonitoring {
  const disks: Record<string, number> = {};
  const snapshots: Record<string, number> = {};
  for (const { name, value } of attributes) {
    if (typeof value === 'string') continue;
    const [id = '', size] = [value.get('ID'), Number(value.get('SIZE'))];
    if (name === 'DISK_SIZE') disks[id] = size;
    if (name === 'SNAPSHOT_SIZE') snapshots[`${value.get('DISK_ID')}/${id}`] = size;
  }
  return { disks, snapshots };
}

/** A receiver behind a UDP port of the loopback. */
export async function listen(options: ReceiverOptions = {}): Promise<{ port: number; receiver: Receiver; stop(): Promise<void> }> {
  const receiver = new Receiver(options);
  const socket = createSocket('udp4');
  socket.on('message', (datagram) => receiver.receive(datagram));
  await new Promise<void>((resolve, reject) => socket.once('error', reject).bind(0, '127.0.0.1', resolve));
  return { port: socket.address().port, receiver, stop: () => new Promise<void>((resolve) => void socket.close(() => resolve())) };
}

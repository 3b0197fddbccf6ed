import { constants, type KeyObject, publicEncrypt } from 'node:crypto';
import { deflateSync, constants as zlib } from 'node:zlib';
import { type VmSizes, vmLine } from './template.ts';

/** Who sends, and to whom (contract 6.3). */
export interface Sender {
  /** OpenNebula's id of this host; -1: of a shared datastore, whoever measured it. */
  readonly hostId: number;
  /** Seconds since 1970; 0 with the host -1: it is taken whatever came before (contract 6.2). */
  readonly epoch: number;
  /** The RSA key of onemonitord; undefined: nothing is encrypted. */
  readonly key: KeyObject | undefined;
}

/** onemonitord drops a datagram of 64 KiB or more, and IP cannot carry one. */
export const MAX_DATAGRAM = 60 * 1024;
/** Text that is worked on at once: packing it must not hold up the agent. */
const MAX_TEXT = 256 * 1024;
/** RSA PKCS#1 v1.5 needs that much of each block for itself. */
const PADDING = 11;

/** Datagrams with all virtual machines, each on its own a whole message; `left`: ids of those that fit into none. */
export function monitorVmDatagrams(
  vms: readonly VmSizes[],
  sender: Sender,
  limit = MAX_DATAGRAM,
): { readonly datagrams: readonly Buffer[]; readonly left: readonly number[] } {
  const datagrams: Buffer[] = [];
  const left: number[] = [];
  const add = (lines: readonly Line[]): void => {
    const [first, ...others] = lines;
    if (first === undefined) return;
    const datagram = message(lines.map(({ text }) => text).join('\n'), sender);
    if (datagram.length <= limit) datagrams.push(datagram);
    else if (others.length === 0) left.push(first.id);
    else {
      const half = Math.ceil(lines.length / 2);
      add(lines.slice(0, half));
      add(lines.slice(half));
    }
  };
  for (const lines of portions(vms, textLimit(sender.key, limit))) add(lines);
  return { datagrams, left };
}

interface Line {
  readonly id: number;
  readonly text: string;
}

/** Text of which surely no more fits: what is encrypted cannot be compressed. */
function textLimit(key: KeyObject | undefined, limit: number): number {
  if (key === undefined) return MAX_TEXT;
  const block = blockBytes(key);
  return Math.floor((limit * 3 * (block - PADDING)) / (4 * block));
}

function* portions(vms: readonly VmSizes[], limit: number): Generator<readonly Line[]> {
  let lines: Line[] = [];
  let size = 0;
  for (const vm of vms) {
    const text = vmLine(vm);
    if (lines.length > 0 && size + text.length > limit) {
      yield lines;
      lines = [];
      size = 0;
    }
    lines.push({ id: vm.id, text });
    size += text.length + 1;
  }
  yield lines;
}

function message(text: string, { hostId, epoch, key }: Sender): Buffer {
  const plain = Buffer.from(text);
  const packed = deflateSync(key === undefined ? plain : encrypt(plain, key), { level: zlib.Z_BEST_COMPRESSION });
  return Buffer.from(`MONITOR_VM SUCCESS ${hostId} ${epoch} ${packed.toString('base64')}`);
}

function encrypt(plain: Buffer, key: KeyObject): Buffer {
  const step = blockBytes(key) - PADDING;
  const blocks: Buffer[] = [];
  for (let at = 0; at < plain.length; at += step) {
    blocks.push(publicEncrypt({ key, padding: constants.RSA_PKCS1_PADDING }, plain.subarray(at, at + step)));
  }
  return Buffer.concat(blocks);
}

function blockBytes(key: KeyObject): number {
  return Math.ceil((key.asymmetricKeyDetails?.modulusLength ?? 0) / 8);
}

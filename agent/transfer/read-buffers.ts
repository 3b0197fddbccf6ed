import { MIB } from '../../runtime/units.ts';

/** Page-aligned memory, as reads past the page cache need it; Node's buffers are not. One piece, because V8 reserves far more around each. */
declare const WebAssembly: { readonly Memory: new (size: { readonly initial: number }) => { readonly buffer: ArrayBuffer } };
const WASM_PAGE = 65_536;

/** Bytes of one buffer. */
export const READ_BYTES = 2 * MIB;
/** As many as Node has threads that read. What all digests of an agent need together must not grow with their number. */
const BUFFERS = 4;

const free: Buffer[] = [];
const waiting: ((buffer: Buffer) => void)[] = [];
let made = false;

/** A buffer for one read, in the order of asking: files that are read at the same time take turns, so a small one never waits for a large one. */
export function takeBuffer(): Promise<Buffer> {
  if (!made) makeBuffers();
  const buffer = free.pop();
  return buffer === undefined ? new Promise((resolve) => waiting.push(resolve)) : Promise.resolve(buffer);
}

export function giveBuffer(buffer: Buffer): void {
  const next = waiting.shift();
  if (next === undefined) free.push(buffer);
  else next(buffer);
}

function makeBuffers(): void {
  const { buffer } = new WebAssembly.Memory({ initial: (BUFFERS * READ_BYTES) / WASM_PAGE });
  for (let index = 0; index < BUFFERS; index += 1) free.push(Buffer.from(buffer, index * READ_BYTES, READ_BYTES));
  made = true;
}

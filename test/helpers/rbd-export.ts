/** Writes exports of Ceph as its documents describe them (doc/dev/rbd-export.rst, rbd-diff.rst): for what no real one holds. */

export interface Extent {
  readonly offset: number;
  /** A length: zeros. */
  readonly data: Buffer | number;
}

export interface DifferenceOf {
  readonly from?: string;
  readonly to?: string;
  readonly size: number;
  readonly extents: readonly Extent[];
}

export function u64(value: number | bigint): Buffer {
  const field = Buffer.alloc(8);
  field.writeBigUInt64LE(BigInt(value));
  return field;
}

export function u32(value: number): Buffer {
  const field = Buffer.alloc(4);
  field.writeUInt32LE(value);
  return field;
}

/** A record of version 2; of version 1 it has no length. */
export function record(version: 1 | 2, tag: string, content: Buffer): Buffer {
  return Buffer.concat([Buffer.from(tag), ...(version === 2 ? [u64(content.length)] : []), content]);
}

function name(text: string): Buffer {
  return Buffer.concat([u32(Buffer.byteLength(text)), Buffer.from(text)]);
}

export function difference(version: 1 | 2, { from, to, size, extents }: DifferenceOf): Buffer {
  return Buffer.concat([
    Buffer.from(`rbd diff v${version}\n`),
    ...(from === undefined ? [] : [record(version, 'f', name(from))]),
    ...(to === undefined ? [] : [record(version, 't', name(to))]),
    ...(to === undefined || version === 1 ? [] : [record(version, 'p', Buffer.from([1]))]),
    record(version, 's', u64(size)),
    ...extents.map(({ offset, data }) =>
      typeof data === 'number'
        ? record(version, 'z', Buffer.concat([u64(offset), u64(data)]))
        : record(version, 'w', Buffer.concat([u64(offset), u64(data.length), data])),
    ),
    Buffer.from('e'),
  ]);
}

export function image(differences: readonly DifferenceOf[], properties: Buffer = Buffer.alloc(0)): Buffer {
  return Buffer.concat([
    Buffer.from('rbd image v2\n'),
    record(2, 'O', u64(22)),
    record(2, 'T', u64(61)),
    properties,
    Buffer.from('E'),
    Buffer.from('rbd image diffs v2\n'),
    u64(differences.length),
    ...differences.map((each) => difference(2, each)),
  ]);
}

/** Its bytes in pieces of the given sizes, again and again. */
export async function* inPieces(bytes: Buffer, sizes: readonly number[]): AsyncGenerator<Buffer> {
  for (let at = 0, turn = 0; at < bytes.length; turn += 1) {
    const size = sizes[turn % sizes.length] ?? 1;
    yield bytes.subarray(at, at + size);
    at += size;
  }
}

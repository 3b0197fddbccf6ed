import { StorageError } from '../../runtime/errors.ts';
import { judge } from '../images/gate.ts';
import { type Compression, compressionOf, decompress, MAGIC_LENGTH } from '../tools/decompress.ts';
import type { ToolContext } from '../tools/run.ts';
import { type Peeked, peek } from './peek.ts';

/** What is inside an origin: its bytes after decompression. */
export interface Content extends Peeked {
  readonly compression: Compression | undefined;
}

/** As much as the header gate looks at. */
const HEAD_BYTES = 63 * 1024;

/** Takes the compression off, by the first bytes (contract 5.3), unless NO_DECOMPRESS. Archives inside are refused. */
export async function openContent(
  raw: AsyncIterable<Buffer>,
  { label, noDecompress }: { readonly label: string; readonly noDecompress: boolean },
  context: ToolContext,
): Promise<Content> {
  const outer = await peek(raw, HEAD_BYTES);
  try {
    const compression = noDecompress ? undefined : compressionOf(outer.head.subarray(0, MAGIC_LENGTH));
    if (compression === undefined) {
      if (!noDecompress) refuseArchive(outer.head, label);
      return { ...outer, compression };
    }
    const inner = await peek(decompress(compression, outer.stream, context), HEAD_BYTES);
    try {
      refuseArchive(inner.head, label);
      const close = async (): Promise<void> => {
        await inner.close();
        await outer.close();
      };
      return { head: inner.head, stream: inner.stream, close, compression };
    } catch (thrown) {
      await inner.close();
      throw thrown;
    }
  } catch (thrown) {
    await outer.close();
    throw withLabel(thrown, label);
  }
}

/** Damage is found without knowing where the bytes come from; a person needs to know. */
export function withLabel(thrown: unknown, label: string): unknown {
  if (!(thrown instanceof StorageError) || thrown.reason !== 'bad_image' || thrown.message.includes(label)) return thrown;
  const more = thrown.detail === undefined ? { cause: thrown } : { cause: thrown, detail: thrown.detail };
  return new StorageError('bad_image', `${label}: ${thrown.message}`, more);
}

/** Stock unpacks these into a directory that takes the place of the image (contract 5.3). */
function refuseArchive(head: Buffer, label: string): void {
  const kind = head.toString('latin1', 0, 4) === 'PK\x03\x04' ? 'zip' : head.toString('latin1', 257, 262) === 'ustar' ? 'tar' : undefined;
  if (kind === undefined) return;
  throw new StorageError(
    'bad_image',
    `${label} is a ${kind} archive; unpack it and register the file inside, or set NO_DECOMPRESS to keep it as it is`,
  );
}

/** Judges the first bytes before the rest is fetched: a foreign format is refused at once. The whole file is judged when it is there. */
export function judgeHead(head: Buffer, label: string): { readonly format: 'raw' | 'qcow2'; readonly virtualSize: number } {
  if (head.length === 0) throw new StorageError('bad_image', `${label} is empty`);
  try {
    return judge(head, Buffer.alloc(0), Number.MAX_SAFE_INTEGER, undefined, { backing: 'none', import: true });
  } catch (thrown) {
    throw withLabel(thrown, label);
  }
}

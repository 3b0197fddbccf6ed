export interface Peeked {
  /** The first bytes, at least as many as were asked for unless there are no more. */
  readonly head: Buffer;
  /** Everything, the head included; to be read once. */
  readonly stream: AsyncIterable<Buffer>;
  /** Ends the source, also when `stream` was never read. */
  close(): Promise<void>;
}

/** Looks at the start of a stream without losing it. */
export async function peek(source: AsyncIterable<Buffer>, wanted: number): Promise<Peeked> {
  const iterator = source[Symbol.asyncIterator]();
  const chunks: Buffer[] = [];
  let length = 0;
  while (length < wanted) {
    const next = await iterator.next();
    if (next.done === true) break;
    chunks.push(next.value);
    length += next.value.length;
  }
  const head = Buffer.concat(chunks);
  const close = async (): Promise<void> => {
    await iterator.return?.();
  };
  return { head, stream: replay(head, iterator), close };
}

async function* replay(head: Buffer, iterator: AsyncIterator<Buffer>): AsyncGenerator<Buffer> {
  try {
    if (head.length > 0) yield head;
    for (;;) {
      const next = await iterator.next();
      if (next.done === true) return;
      yield next.value;
    }
  } finally {
    await iterator.return?.();
  }
}

import type { IncomingMessage } from 'node:http';
import { StorageError } from '../../runtime/errors.ts';
import { MIB } from '../../runtime/units.ts';

/** The words and the input of one call. */
export interface Form {
  readonly argv: readonly string[];
  readonly stdin: string;
}

const MAX_STDIN = 16 * MIB;
const MAX_WORDS = 10_000;
const MAX_ARGV = MIB;
/** Boundaries and headers of the parts come on top: some 100 bytes a word. */
const MAX_BODY = MAX_STDIN + MAX_ARGV + MAX_WORDS * 160;

/** The body as it is, up to the limit. Throws too_big as soon as more is announced or arrives; the rest is never read. */
async function readBody(request: IncomingMessage): Promise<Buffer> {
  const tooBig = new StorageError('too_big', 'the call is larger than 16 MiB of input and 1 MiB of words');
  if (Number(request.headers['content-length'] ?? 0) > MAX_BODY) throw tooBig;
  const chunks: Buffer[] = [];
  let size = 0;
  // Not for-await: leaving it early would destroy the connection before the refusal is sent.
  return await new Promise((resolve, reject) => {
    request.on('data', (chunk: Buffer) => {
      size += chunk.length;
      if (size <= MAX_BODY) {
        chunks.push(chunk);
        return;
      }
      chunks.length = 0;
      request.pause();
      reject(tooBig);
    });
    request.on('end', () => resolve(Buffer.concat(chunks, size)));
    request.on('error', reject);
    request.on('close', () => reject(new StorageError('cancelled', 'the caller went away before the call was complete')));
  });
}

/** Reads `multipart/form-data`: parts `argv` in order, and `stdin`. Throws bad_argument or too_big. */
export async function readForm(request: IncomingMessage): Promise<Form> {
  const type = request.headers['content-type'] ?? '';
  if (!/^multipart\/form-data\s*;/i.test(type)) throw new StorageError('bad_argument', 'the body of a call must be multipart/form-data');
  const body = await readBody(request);
  let form: FormData;
  try {
    form = await new Response(new Uint8Array(body), { headers: { 'content-type': type } }).formData();
  } catch (error) {
    throw new StorageError('bad_argument', 'the body of the call is not well-formed multipart/form-data', { cause: error });
  }
  const argv: string[] = [];
  let words = 0;
  for (const value of form.getAll('argv')) {
    if (typeof value !== 'string') throw new StorageError('bad_argument', 'a word of the call came as a file');
    argv.push(value);
    words += Buffer.byteLength(value);
  }
  const stdin = form.get('stdin') ?? '';
  if (typeof stdin !== 'string') throw new StorageError('bad_argument', 'the input of the call came as a file');
  if (argv.length > MAX_WORDS || words > MAX_ARGV) {
    throw new StorageError('too_big', `the call has ${argv.length} words of ${words} bytes; the limits are ${MAX_WORDS} words and 1 MiB`);
  }
  if (Buffer.byteLength(stdin) > MAX_STDIN) throw new StorageError('too_big', 'the input of the call is larger than 16 MiB');
  return { argv, stdin };
}

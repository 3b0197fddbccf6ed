import type { IncomingMessage } from 'node:http';
import { StorageError } from '../../runtime/errors.ts';

/** Host actions have a path or a number, and no input. */
const MAX_BODY = 64 * 1024;

/** The words of a shim's call: parts `argv` of `multipart/form-data`, in order. Throws bad_argument, too_big, cancelled. */
export async function readWords(request: IncomingMessage): Promise<readonly string[]> {
  const body = await readBody(request);
  const type = request.headers['content-type'] ?? '';
  try {
    const form = await new Response(new Uint8Array(body), { headers: { 'content-type': type } }).formData();
    return form.getAll('argv').map(String);
  } catch (thrown) {
    throw new StorageError('bad_argument', 'the body of a call must be multipart/form-data', { cause: thrown });
  }
}

async function readBody(request: IncomingMessage): Promise<Buffer> {
  const chunks: Buffer[] = [];
  let size = 0;
  // Not for-await: leaving it early would destroy the connection before the refusal is sent.
  return await new Promise((resolve, reject) => {
    request.on('data', (chunk: Buffer) => {
      size += chunk.length;
      if (size <= MAX_BODY) chunks.push(chunk);
      else {
        request.pause();
        reject(new StorageError('too_big', 'the call is larger than 64 KiB'));
      }
    });
    request.on('end', () => resolve(Buffer.concat(chunks)));
    request.on('close', () => reject(new StorageError('cancelled', 'the caller went away before the call was complete')));
  });
}

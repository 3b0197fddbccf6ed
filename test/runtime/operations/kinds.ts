import { appendFile, readFile } from 'node:fs/promises';
import { z } from 'zod';
import { StorageError } from '../../../runtime/errors.ts';
import type { OperationKind } from '../../../runtime/operations/types.ts';

export const inputSchema = z.object({ file: z.string(), fail: z.boolean().default(false), wait: z.boolean().default(false) });
type Input = z.infer<typeof inputSchema>;

async function has(file: string, line: string): Promise<boolean> {
  return (await readFile(file, 'utf8').catch(() => '')).split('\n').includes(line);
}

/** Adds a line once: what a step must be, idempotent. */
async function add(file: string, line: string): Promise<void> {
  if (!(await has(file, line))) await appendFile(file, `${line}\n`);
}

/** Writes a line a step into a file; takes them back when it fails before the commit. */
export const writeLines: OperationKind<Input, { lines: number }> = {
  name: 'test.lines',
  input: inputSchema,
  resources: ({ file }) => [`path:${file}`],
  run: async ({ file, fail, wait }, context) => {
    const first = await context.step('first', async () => {
      await add(file, 'first');
      return { token: context.attempt };
    });
    if (wait) {
      await new Promise((_, reject) => {
        if (context.signal.aborted) reject(context.signal.reason);
        context.signal.addEventListener('abort', () => reject(context.signal.reason), { once: true });
      });
    }
    await context.step('second', () => add(file, `second ${first.token}`));
    if (fail) throw new StorageError('conflict', 'told to fail');
    context.commit();
    await context.step('third', () => add(file, 'third'));
    return { lines: 3 };
  },
  undo: async ({ file }) => {
    if (await has(file, 'undone')) return;
    await appendFile(file, 'undone\n');
  },
};

import { open } from 'node:fs/promises';
import { asStorageError } from '../../runtime/errors.ts';
import { run, type ToolContext } from './run.ts';

/**
 * Copies a plain file beside it: shared blocks where the file system has them, else with its holes; durable when it returns. The target must
 * be a name that nothing reads yet.
 */
export async function copySparse(source: string, target: string, context: ToolContext): Promise<void> {
  await run('cp', ['--reflink=auto', '--sparse=always', '--', source, target], context);
  await sync(target);
}

/** As copySparse, but every block is allocated: SPARSE=no. */
export async function copyAllocated(source: string, target: string, context: ToolContext): Promise<void> {
  await run('cp', ['--reflink=never', '--sparse=never', '--', source, target], context);
  await sync(target);
}

async function sync(file: string): Promise<void> {
  const handle = await open(file, 'r');
  try {
    await handle.sync();
  } catch (thrown) {
    throw asStorageError(thrown, `flush ${file}`);
  } finally {
    await handle.close();
  }
}

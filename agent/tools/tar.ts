import { open } from 'node:fs/promises';
import { StorageError } from '../../runtime/errors.ts';
import { lastLine, Tail } from './output.ts';
import { run, start, type ToolContext } from './run.ts';

const STDERR_TAIL = 16 * 1024;

/** Makes a compressed archive of one directory, by its name below another. */
export async function archive(target: string, directory: string, name: string, { signal, count }: ToolContext): Promise<void> {
  await run('tar', ['-czf', target, '-C', directory, '--', name], { signal, ...(count === undefined ? {} : { count }) });
}

/**
 * Writes one member of a compressed archive into a file, whatever its name, owner or kind in there; nothing else of the archive is looked at. Errors:
 * not_found, too_big, tool_failed.
 */
export async function extractMember(from: string, member: string, target: string, limit: number, context: ToolContext): Promise<void> {
  const child = await start('tar', ['-xzOf', from, '--', member], context);
  const tail = new Tail(STDERR_TAIL);
  child.stderr.on('data', (chunk: Buffer) => tail.push(chunk));
  const handle = await open(target, 'w', 0o600);
  try {
    let size = 0;
    for await (const chunk of child.stdout) {
      size += (chunk as Buffer).length;
      if (size > limit) throw new StorageError('too_big', `${member} has more than ${limit} bytes`);
      await handle.writeFile(chunk as Buffer);
    }
    const { code } = await child.exited;
    context.signal.throwIfAborted();
    if (/not found in archive/iu.test(tail.text())) throw new StorageError('not_found', `there is no ${member} in the archive`);
    if (code !== 0) throw new StorageError('tool_failed', `tar: ${lastLine(tail.text())}`, { detail: tail.text() });
    await handle.sync();
  } finally {
    await handle.close();
    await child.kill();
  }
}

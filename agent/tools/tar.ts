import { run, type ToolContext } from './run.ts';

/** Makes a compressed archive of one directory, by its name below another. */
export async function archive(target: string, directory: string, name: string, { signal, count }: ToolContext): Promise<void> {
  await run('tar', ['-czf', target, '-C', directory, '--', name], { signal, ...(count === undefined ? {} : { count }) });
}

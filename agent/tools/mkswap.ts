import { run, type ToolContext } from './run.ts';

/** Makes swap space labelled `swap` (contract 2.2) in a raw file that has its size already. */
export async function mkswap(file: string, context: ToolContext): Promise<void> {
  await run('mkswap', ['-L', 'swap', '--', file], context);
}

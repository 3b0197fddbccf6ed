import type { OperationContext } from '../../../runtime/operations/types.ts';
import { confine } from '../../tools/confine.ts';
import type { ToolContext } from '../../tools/run.ts';
import type { RepositoryOf } from './input.ts';
import type { RepositoryContext } from './repository.ts';

/**
 * The context of an operation with the limits of its repository, for every program that is started for it. `directory` is on the file system
 * whose operations a second are counted. Limits that this host cannot keep are told once.
 */
export async function confined(
  context: Pick<OperationContext, 'signal' | 'log' | 'report' | 'count'>,
  { limits }: RepositoryOf,
  directory: string,
): Promise<RepositoryContext> {
  const { nice, ioNice, ...others } = limits;
  const { before, problem } = await confine({ ...others, nice, ioNice }, directory);
  if (problem !== undefined) context.log('warn', problem);
  return {
    signal: context.signal,
    before,
    log: (level, text) => context.log(level, text),
    report: (progress) => context.report(progress),
    count: (figures) => context.count(figures),
  };
}

/** For looks, which have nobody to tell. */
export function lookContext(signal: AbortSignal): RepositoryContext {
  return { signal, log: () => undefined, report: () => undefined };
}

/** What a program is started with. By name, because a context may be an object of a class, of which a spread copies nothing. */
export function toolContext({ signal, count, before }: ToolContext): ToolContext {
  return { signal, ...(count === undefined ? {} : { count: (figures) => count(figures) }), ...(before === undefined ? {} : { before }) };
}

import type { OperationContext } from '../../../runtime/operations/types.ts';
import { type Counted, confine } from '../../tools/confine.ts';
import type { LimitsOf } from './input.ts';
import type { RepositoryContext } from './repository.ts';

/**
 * The context of an operation with the limits of a backup datastore, for every program that is started for it. Limits that this host cannot
 * keep are told once.
 */
export async function confined(
  context: Pick<OperationContext, 'signal' | 'log' | 'report' | 'count'>,
  { nice, ioNice, ...others }: LimitsOf,
  counted: Counted,
): Promise<RepositoryContext> {
  const { before, problem } = await confine({ ...others, nice, ioNice }, counted);
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

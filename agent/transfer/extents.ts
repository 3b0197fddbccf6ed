import { z } from 'zod';
import { run, type ToolContext } from '../tools/run.ts';

/** Bytes [start, end) of a file that are not a hole. */
export interface Extent {
  readonly start: number;
  readonly end: number;
}

const mapSchema = z.array(z.object({ start: z.number(), length: z.number(), data: z.boolean(), zero: z.boolean() }));

/** Where a file has data, in order: Node cannot ask the kernel for holes, and reading them would cost as much as reading data. */
export async function dataExtents(file: string, size: number, context: ToolContext): Promise<readonly Extent[]> {
  if (size === 0) return [];
  // Format raw: the file's own extents are asked for, whatever it holds. -U: a reader must not be kept out by another reader's lock.
  const args = ['map', '-U', '-f', 'raw', '--output=json', '--', file];
  const { stdout } = await run('qemu-img', args, {
    signal: context.signal,
    ...(context.count === undefined ? {} : { count: context.count }),
  });
  return mapSchema
    .parse(JSON.parse(stdout))
    .filter(({ data, zero }) => data && !zero)
    .map(({ start, length }) => ({ start, end: Math.min(start + length, size) }));
}

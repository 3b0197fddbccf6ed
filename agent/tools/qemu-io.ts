import path from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { StorageError } from '../../runtime/errors.ts';
import { type Bytes, GIB, MIB } from '../../runtime/units.ts';
import { Lines } from './output.ts';
import { abortError, start, type ToolContext, toolContext } from './run.ts';

/** A piece of an image, in bytes. */
export interface Range {
  readonly offset: number;
  readonly length: number;
}

export interface CopyOptions {
  /** 0: no limit. */
  readonly bytesPerSecond: number;
  readonly onProgress?: (doneBytes: number) => void;
}

/** Copies these ranges from its backing files into an image: what is zero there becomes zero here. Errors: no_space, tool_failed, cancelled. */
export async function copyOnRead(file: string, ranges: readonly Range[], options: CopyOptions, context: ToolContext): Promise<void> {
  await qemuIo(file, ['-C'], 'read', ranges, options, context);
}

/** Marks a whole new image as zero, cluster by cluster: an unmarked one would show what lies below it. */
export async function markZero(file: string, size: Bytes, context: ToolContext): Promise<void> {
  await qemuIo(file, [], 'write -z', pieces([{ offset: 0, length: size }], GIB), { bytesPerSecond: 0 }, context);
}

/** Larger requests are refused; and a limit is kept between requests only. */
function pieces(ranges: readonly Range[], largest: number): Range[] {
  const all: Range[] = [];
  for (const { offset, length } of ranges) {
    for (let at = 0; at < length; at += largest) all.push({ offset: offset + at, length: Math.min(largest, length - at) });
  }
  return all;
}

/** Runs one command a range, and counts what the program says it has done: all of it, or the call fails. */
async function qemuIo(
  file: string,
  how: readonly string[],
  command: string,
  ranges: readonly Range[],
  { bytesPerSecond, onProgress }: CopyOptions,
  context: ToolContext,
): Promise<void> {
  if (!path.isAbsolute(file)) throw new StorageError('internal', `qemu-io: not an absolute path: ${file}`);
  const { signal, before = [] } = context;
  // Limits that were asked for say the priority, too.
  const tool = { ...toolContext(context), nice: before.length === 0, stdin: 'pipe' } as const;
  const child = await start('qemu-io', ['-f', 'qcow2', ...how, file], tool);
  let done = 0;
  let failure = '';
  const lines = new Lines((line) => {
    const length = /(?:read|wrote) (\d+)\/\1 bytes at offset/u.exec(line)?.[1];
    if (length !== undefined) {
      done += Number(length);
      onProgress?.(done);
    } else if (/failed|error|cannot|could not/iu.test(line)) failure ||= line.replace(/^(?:qemu-io> )+/u, '');
  });
  for (const stream of [child.stdout, child.stderr]) stream.on('data', (chunk: Buffer) => lines.push(chunk));
  const input = child.stdin;
  input?.on('error', () => undefined);
  const requests = pieces(ranges, bytesPerSecond > 0 ? MIB : GIB);
  const began = performance.now();
  let asked = 0;
  for (const { offset, length } of requests) {
    if (signal.aborted || failure !== '' || input === undefined || input.destroyed) break;
    const early = bytesPerSecond === 0 ? 0 : began + (asked / bytesPerSecond) * 1000 - performance.now();
    if (early > 0) await delay(early, undefined, { signal }).catch(() => undefined);
    asked += length;
    if (!input.write(`${command} ${offset} ${length}\n`))
      await new Promise((resolve) => input.once('drain', resolve).once('close', resolve));
  }
  input?.end();
  const exit = await child.exited;
  lines.end();
  if (signal.aborted) throw abortError(signal);
  const total = ranges.reduce((sum, { length }) => sum + length, 0);
  if (failure === '' && exit.code === 0 && done === total) return;
  const why = failure === '' ? `did ${done} of ${total} bytes, exit code ${exit.code}` : failure;
  throw new StorageError(/no space left/iu.test(why) ? 'no_space' : 'tool_failed', `qemu-io: ${why}`);
}

import { mkdtemp, rm } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { StorageError } from '../../runtime/errors.ts';
import { lastLine, Tail } from './output.ts';
import type { Range } from './qemu-io.ts';
import { run, start, type ToolContext, toolContext } from './run.ts';

const START_MS = 30_000;
const LOOK_EVERY_MS = 20;
/** What lies closer together becomes one range: what is between holds nothing else than the content. */
const GAP = 128 * 1024;

/** The ranges that were written since a bitmap was added to a qcow2 image that nobody writes to, in order. Errors: in_use, tool_failed. */
export async function dirtyRanges(file: string, bitmap: string, context: ToolContext): Promise<Range[]> {
  const directory = await mkdtemp(path.join(os.tmpdir(), 'onestorage-nbd-'));
  const socket = path.join(directory, 'socket');
  try {
    const server = await start('qemu-nbd', ['-r', '-t', '-k', socket, '-f', 'qcow2', '-B', bitmap, '--', file], toolContext(context));
    const said = new Tail(4096);
    server.stdout.resume();
    server.stderr.on('data', (chunk: Buffer) => said.push(chunk));
    try {
      const uri = `nbd+unix:///?socket=${encodeURIComponent(socket)}`;
      await untilItAnswers(uri, server.exited, () => said.text(), context);
      return await readMap(uri, bitmap, context);
    } finally {
      await server.kill();
    }
  } finally {
    await rm(directory, { recursive: true, force: true });
  }
}

async function untilItAnswers(uri: string, exited: Promise<unknown>, said: () => string, context: ToolContext): Promise<void> {
  let ended = false;
  void exited.then(() => {
    ended = true;
  });
  const giveUp = performance.now() + START_MS;
  for (;;) {
    const answer = await run('nbdinfo', ['--size', uri], { ...toolContext(context), okCodes: [0, 1] });
    if (answer.code === 0) return;
    if (ended) throw new StorageError(/lock/iu.test(said()) ? 'in_use' : 'tool_failed', `qemu-nbd: ${lastLine(said())}`);
    if (performance.now() > giveUp) throw new StorageError('timeout', `qemu-nbd did not start within ${START_MS / 1000} s`);
    await delay(LOOK_EVERY_MS);
  }
}

async function readMap(uri: string, bitmap: string, context: ToolContext): Promise<Range[]> {
  const ranges: { offset: number; length: number }[] = [];
  const onLine = (line: string, stream: string): void => {
    const [, offset, length, type] = /^\s*(\d+)\s+(\d+)\s+(\d+)/u.exec(line) ?? [];
    if (stream !== 'stdout' || type === undefined || type === '0') return;
    const last = ranges.at(-1);
    const end = Number(offset) + Number(length);
    if (last !== undefined && Number(offset) - (last.offset + last.length) <= GAP) last.length = end - last.offset;
    else ranges.push({ offset: Number(offset), length: Number(length) });
  };
  await run('nbdinfo', [`--map=qemu:dirty-bitmap:${bitmap}`, uri], {
    ...toolContext(context),
    onLine,
    stdoutLimit: Number.POSITIVE_INFINITY,
  });
  return ranges;
}

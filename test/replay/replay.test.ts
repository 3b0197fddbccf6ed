import path from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import type { RecordedCall, Recording } from '../fixtures/oned/recording.ts';
import { type Cluster, startCluster } from '../lab/cluster.ts';
import { type ActionResult, runShim } from '../lab/opennebula/mad.ts';
import { aftermathOf } from './on-disk.ts';
import { loadRecording } from './recorded.ts';
import { DIFFERENCES, shapeOf } from './shape.ts';
import { State } from './state.ts';

let cluster: Cluster;
let recording: Recording;
beforeAll(async () => {
  cluster = await startCluster();
  recording = loadRecording(cluster);
});
afterAll(async () => {
  await cluster?.stop();
});

function run(call: RecordedCall): Promise<ActionResult> {
  const { site } = cluster.one;
  const stdin = call.encoding === 'base64' ? Buffer.from(call.document).toString('base64') : call.document;
  return runShim(site, { action: call.script, program: path.join(site.remotes, call.script), argv: call.argv, stdin });
}

it('gives every recorded call a result of the recorded shape', { timeout: 600_000 }, async () => {
  const state = new State(cluster, recording);
  const found = DIFFERENCES.map(() => 0);
  const wrong: string[] = [];
  let replayed = 0;
  let same = 0;
  for (const [index, call] of recording.calls.entries()) {
    const problem = await replay(call).catch((thrown: unknown) => (thrown instanceof Error ? thrown.message : String(thrown)));
    if (problem !== undefined) wrong.push(`call ${index}, ${call.stock}: ${call.script} ${call.argv.join(' ')}\n    ${problem}`);
  }
  const table = DIFFERENCES.map(({ reason }, index) => `  ${String(found[index]).padStart(3)}  ${reason}`);
  const summary = `replay: ${replayed} recorded calls, ${same} of the same shape, ${replayed - same - wrong.length} that differ as intended`;
  const left = `  ${String(recording.calls.length - replayed).padStart(3)}  not replayed: snapshots of a running VM, which needs a hypervisor; their effect is made instead`;
  process.stdout.write(`${[summary, ...table, left].join('\n')}\n`);
  expect(wrong.join('\n')).toBe('');
  // A row that nothing needs any more must go.
  expect(found.map((count) => count > 0)).toEqual(DIFFERENCES.map(() => true));
  expect(replayed).toBeGreaterThan(150);
  expect(cluster.leftovers()).toEqual([]);

  async function replay(call: RecordedCall): Promise<string | undefined> {
    if (!(await state.prepare(call))) return undefined;
    replayed += 1;
    const check = await aftermathOf(call, state);
    const ours = await run(call);
    const equal = shapeOf(ours) === shapeOf(call) && ours.undefinedMessages.length === shapeLines(call);
    if (equal) same += 1;
    else {
      const row = DIFFERENCES.findIndex((one) => one.script.test(call.script) && one.holds(call, ours));
      if (row < 0) return `${shapeOf(ours)}, recorded: ${shapeOf(call)}; ${ours.stderr.trim()}`;
      found[row] = (found[row] ?? 0) + 1;
    }
    if (ours.exit !== 0) return undefined;
    try {
      await check(ours.stdout);
    } catch (thrown) {
      if (equal) same -= 1;
      throw thrown;
    }
    const [printed = ''] = ours.stdout.trim().split(' ');
    const [recorded = ''] = call.stdout.trim().split(' ');
    if (printed.startsWith('/') && recorded.startsWith('/')) await state.rename(printed, recorded);
    return undefined;
  }
});

function shapeLines(call: RecordedCall): number {
  return Math.max(0, call.stdout.replace(/\n$/, '').split('\n').length - 1);
}

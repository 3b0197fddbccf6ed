import { setTimeout as delay } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { ActionResult } from '../lab/opennebula/mad.ts';
import type { Format } from './contents.ts';
import { type Cell, type Column, writeCells } from './matrix.ts';
import { type KillPoint, shared } from './points.ts';
import { Rig } from './rig.ts';
import { type Case, type CellFormat, type Scenario, titleOf } from './scenario.ts';

const SETTLE_MS = 10_000;
const CALL_MS = 90_000;
/** All kill points of one scenario. */
const KILLED_MS = 600_000;
/** Every row is killed at every point, also where its neighbour finds the same on disk. */
const EVERY_POINT = process.env['ONESTORAGE_CONFORMANCE'] === 'all';

/** Registers the tests of a family: each scenario once, twice, and with a daemon killed at every point. One site for all. */
export function conform(family: string, scenarios: readonly Scenario[]): void {
  const cells: Cell[] = [];
  let rig: Rig;

  beforeAll(async () => {
    rig = await Rig.start();
  });

  afterAll(async () => {
    writeCells(family, cells);
    await rig?.cluster.stop();
  });

  for (const scenario of scenarios) {
    for (const format of scenario.formats) describe(`${titleOf(scenario)} ${format}`, () => rowTests(scenario, format));
  }

  function rowTests(scenario: Scenario, format: CellFormat): void {
    let points: readonly KillPoint[] | undefined;
    const prepare = async (): Promise<Case> => {
      await rig.clear();
      return await scenario.prepare(rig, format === '-' ? 'raw' : (format satisfies Format));
    };
    const once = async (): Promise<void> => {
      const one = await prepare();
      points = await rig.trace(async () => {
        const result = await one.call();
        mustSucceed(result, one);
        await mustBe(rig, one, [result]);
      });
    };

    cell('once', () => once().then(() => ({})));

    cell('twice', async () => {
      const one = await prepare();
      const results = [await one.call()];
      mustSucceed(results[0], one);
      const again = await one.call();
      if (scenario.again === undefined) {
        mustSucceed(again, one);
        results.push(again);
      } else {
        mustFail(again);
        expect(again.info).toMatch(scenario.again.fails);
      }
      await mustBe(rig, one, results);
      return {};
    });

    if (scenario.killedAs !== undefined) return;
    cell('killed', async () => {
      if (points === undefined) await once();
      return await killedAtEach(rig, prepare, EVERY_POINT ? (points ?? []) : shared(points ?? [], format));
    });

    function cell(column: Column, run: () => Promise<Pick<Cell, 'points' | 'calledAgain'>>): void {
      it(column, { timeout: column === 'killed' ? KILLED_MS : 2 * CALL_MS }, async () => {
        let green = false;
        let more: Pick<Cell, 'points' | 'calledAgain'> = {};
        try {
          more = await run();
          green = true;
        } finally {
          // A retry replaces what it mends.
          const index = cells.findIndex((one) => one.row === titleOf(scenario) && one.format === format && one.column === column);
          if (index >= 0) cells.splice(index, 1);
          cells.push({ row: titleOf(scenario), format, column, green, ...more });
        }
      });
    }
  }
}

async function killedAtEach(
  rig: Rig,
  prepare: () => Promise<Case>,
  points: readonly KillPoint[],
): Promise<Pick<Cell, 'points' | 'calledAgain'>> {
  const failures: string[] = [];
  let calledAgain = 0;
  for (const point of points) {
    try {
      if (await killedAt(rig, await prepare(), point)) calledAgain += 1;
    } catch (thrown) {
      failures.push(`${point.daemon} killed at ${point.name}: ${thrown instanceof Error ? thrown.message : String(thrown)}`);
    }
  }
  expect(failures).toEqual([]);
  return { points: points.length, calledAgain };
}

/**
 * The daemon dies there as in a power cut, and starts again while the shim waits. Then the action is done, or it has failed with one line, all
 * is as before, and the same call succeeds: true.
 */
async function killedAt(rig: Rig, one: Case, { daemon, name }: KillPoint): Promise<boolean> {
  const victim = rig.daemon(daemon);
  await victim.arm(`${name}=kill`);
  const running = one.call();
  const first = await Promise.race([victim.exited.then(() => 'died' as const), running.then(() => 'ended' as const)]);
  if (first === 'ended') throw new Error(`the call ended without getting there: ${told(await running)}`);
  await victim.start();
  const result = await within(running, CALL_MS, 'the call after the restart');
  if (result.exit === 0) {
    mustSucceed(result, one);
    await mustBe(rig, one, [result]);
    return false;
  }
  mustFail(result);
  const again = await within(one.call(), CALL_MS, 'the second call');
  if (again.exit !== 0) throw new Error(`failed (${result.stderr.trim()}), and so did the same call again: ${told(again)}`);
  await mustBe(rig, one, [again]);
  return true;
}

function mustSucceed(result: ActionResult | undefined, one: Case): void {
  if (result === undefined || result.exit !== 0)
    throw new Error(`the call failed: ${result === undefined ? 'it did not run' : told(result)}`);
  if (!one.stdout.test(result.stdout)) throw new Error(`the call printed ${JSON.stringify(result.stdout)}, expected ${one.stdout}`);
}

/** Exactly one line that is no log line: what oned shows to people. */
function mustFail(result: ActionResult): void {
  const lines = result.stderr.split('\n').filter((line) => line !== '' && !/^(ERROR|INFO|WARN|DEBUG):/.test(line));
  if (result.exit === 0) throw new Error('the call succeeded, and should not have');
  if (lines.length !== 1 || result.stdout !== '') throw new Error(`a failure must be one line: ${told(result)}`);
}

function told({ exit, stdout, stderr }: ActionResult): string {
  return `exit ${exit}, ${JSON.stringify(stdout)}, ${JSON.stringify(stderr)}`;
}

/** The names at once, or when what a killed daemon left has been cleaned up; then all content. */
async function mustBe(rig: Rig, one: Case, results: readonly ActionResult[]): Promise<void> {
  const expected = one.after(results);
  const names = [...expected.tree].sort();
  const deadline = performance.now() + SETTLE_MS;
  const look = async (): Promise<string[]> => {
    const found = (await rig.state()).sort();
    const missing = names.filter((name) => !found.includes(name)).map((name) => `missing ${name}`);
    const extra = found.filter((name) => !names.includes(name)).map((name) => `not expected ${name}`);
    const programs = rig.cluster.leftovers().filter((left) => left.startsWith('process'));
    return [...missing, ...extra, ...programs];
  };
  let wrong = await look();
  while (wrong.length > 0 && performance.now() < deadline) {
    await delay(50);
    wrong = await look();
  }
  if (wrong.length > 0) throw new Error(wrong.join('; '));
  for (const check of expected.checks) await check();
}

async function within<T>(promise: Promise<T>, milliseconds: number, what: string): Promise<T> {
  const late = new AbortController();
  const timeout = delay(milliseconds, undefined, { signal: late.signal }).then(() => {
    throw new Error(`${what} did not end within ${milliseconds / 1000} s`);
  });
  timeout.catch(() => undefined);
  return await Promise.race([promise, timeout]).finally(() => late.abort());
}

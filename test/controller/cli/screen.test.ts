import { expect, it } from 'vitest';
import { operationTable } from '../../../controller/cli/ops-table.ts';
import { Rates } from '../../../controller/cli/rates.ts';
import { redraw, type Screen } from '../../../controller/cli/screen.ts';
import type { OperationRecord } from '../../../runtime/operations/types.ts';

it('draws over its last picture, and cuts what would wrap or scroll', async () => {
  const written: string[] = [];
  const screen: Screen = { isTTY: true, columns: 6, rows: 4, write: (text) => written.push(text) };
  const stop = new AbortController();
  const pictures = ['a\nb\n', '12\u001b[31m3456789\u001b[39m\n', 'a\nb\nc\nd\ne\n'];
  await redraw(
    async () => {
      const picture = pictures.shift() ?? '';
      if (pictures.length === 0) stop.abort();
      return picture;
    },
    screen,
    stop.signal,
  );
  expect(written).toEqual(['\r\u001b[Ja\nb\n', '\u001b[2A\r\u001b[J12\u001b[31m345\u001b[39m\n', '\u001b[1A\r\u001b[Ja\nb\n… 3 m\n']);
});

it('prints one picture where there is no terminal', async () => {
  const written: string[] = [];
  await redraw(async () => 'once\n', { write: (text) => written.push(text) });
  expect(written).toEqual(['once\n']);
});

it('measures a rate from look to look', () => {
  const rates = new Rates();
  const record = (doneBytes: number, step = 'copy disk.0'): OperationRecord => ({
    id: 'one',
    kind: 'action',
    subject: 'mv of VM 9',
    state: 'running',
    attempt: 1,
    committed: false,
    step: undefined,
    progress: { step, doneBytes, totalBytes: 10 * 1024 ** 2 },
    figures: { movedBytes: 0, skippedBytes: 0, verifiedBytes: 0, processes: 0 },
    createdAt: 0,
    finishedAt: undefined,
    failure: undefined,
  });
  rates.look([record(0)], 100_000);
  expect(rates.of('one')).toBeUndefined();
  rates.look([record(1024 ** 2)], 101_000);
  expect(rates.of('one')).toBe(1024 ** 2);
  // One that jumps is smoothed.
  rates.look([record(3 * 1024 ** 2)], 102_000);
  expect(rates.of('one')).toBeCloseTo(1.4 * 1024 ** 2);
  expect(operationTable([record(3 * 1024 ** 2)], 102_000, rates)).toMatch(/30% of 10\.0 MiB +1\.4 MiB\/s +5\.0 s/);
  rates.look([record(10, 'copy disk.1')], 103_000);
  expect(rates.of('one')).toBeUndefined();
  rates.look([], 104_000);
  rates.look([record(20, 'copy disk.1')], 105_000);
  expect(rates.of('one')).toBeUndefined();
});

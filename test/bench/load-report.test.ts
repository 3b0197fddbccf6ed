import { expect, it } from 'vitest';
import type { LoadRow } from './load.ts';
import { loadMarkdown, loadPlot, loadTable } from './load-report.ts';

const row = (more: Partial<LoadRow>): LoadRow => ({
  case: 'actions at once',
  level: 1,
  samples: 40,
  p50Ms: 71.4,
  p99Ms: 230,
  controllerCpuMs: 4.25,
  controllerMib: 88,
  agentCpuMs: 12,
  agentMib: 91,
  ...more,
});
const rows = [row({}), row({ level: 100, p50Ms: 2400, p99Ms: 9000 }), row({ case: 'agents reporting', level: 300, agentMib: Number.NaN })];

it('is a table for people, and one for a page', () => {
  expect(loadTable(rows).split('\n')[1]).toMatch(/^actions at once +1 +40 +71 ms +230 ms +4\.3 ms +88 MiB +12 ms +91 MiB$/);
  expect(loadMarkdown(rows, ['2 × processor'])).toContain('| agents reporting | 300 | 40 | 71 ms | 230 ms | 4.3 ms | 88 MiB | 12 ms | – |');
});

it('is a plot in which every point has a place', () => {
  const plot = loadPlot(rows);
  expect(plot).toMatch(/^<svg [^>]*>\n/);
  expect(plot).not.toMatch(/NaN|Infinity|undefined/);
  expect(plot.match(/<circle /g)).toHaveLength(2 * 6 + 5);
});

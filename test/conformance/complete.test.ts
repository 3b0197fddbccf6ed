import { readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, it } from 'vitest';
import { FLOWS } from '../../controller/flows/flows.ts';
import { ACTIONS, type ActionName } from '../../shims/actions.ts';
import { COLUMNS, readMatrix } from './matrix.ts';
import { shared } from './points.ts';
import { type Scenario, titleOf } from './scenario.ts';
import { ALL, ELSEWHERE } from './scenarios/all.ts';

const ROOT = path.join(import.meta.dirname, '../..');
const supported = (Object.keys(FLOWS) as ActionName[]).filter((action) => FLOWS[action] !== undefined && ELSEWHERE[action] === undefined);
/** The format of a disk means nothing to these. */
const FORMATLESS: readonly ActionName[] = ['ds/monitor', 'tm/monitor', 'tm/context', 'tm/mkswap'];

describe('the table of scenarios', () => {
  it.each(supported)('has %s in every format', (action) => {
    const formats = new Set(ALL.filter((scenario) => scenario.action === action).flatMap((scenario) => scenario.formats));
    for (const format of FORMATLESS.includes(action) ? ['-'] : ['raw', 'qcow2']) expect(formats).toContain(format);
  });

  it.each(Object.entries(ELSEWHERE))('leaves %s to %s', (action, directory) => {
    const tests = readdirSync(path.join(ROOT, directory)).filter((name) => name.endsWith('.test.ts'));
    const text = tests.map((name) => readFileSync(path.join(ROOT, directory, name), 'utf8')).join('\n');
    expect(text).toMatch(/=kill/);
    expect(Object.keys(ACTIONS)).toContain(action);
  });

  it('names no row twice', () => {
    const titles = ALL.map(titleOf);
    expect(new Set(titles).size).toBe(titles.length);
  });

  it('kills at the same points only where another row does', () => {
    const killed = new Set(ALL.filter(({ killedAs }) => killedAs === undefined).map(titleOf));
    for (const { killedAs } of ALL) if (killedAs !== undefined) expect(killed).toContain(killedAs);
  });
});

describe('kill points', () => {
  const names = ['kind.one.a.begin', 'kind.one.a.end', 'kind.one.b.begin', 'renamed', 'kind.one.b.end', 'kind.two.c.begin'];
  const points = names.map((name) => ({ daemon: 'host01', name }) as const);

  it('are shared by two formats, so that together they have all', () => {
    const left = (format: 'raw' | 'qcow2') => shared(points, format).map(({ name }) => name);
    expect(left('raw')).toEqual(names.filter((name) => name !== 'kind.one.a.end'));
    expect(left('qcow2')).toEqual(names.filter((name) => name !== 'kind.one.b.begin'));
  });
});

describe('the matrix', () => {
  const row: Scenario = { action: 'ds/rm', formats: ['raw'], prepare: () => Promise.reject(new Error('not run')) };
  const cells = COLUMNS.map((column) => ({ row: 'ds/rm', format: 'raw', column, green: true, points: 3 }) as const);

  it('is right when every cell is filled and green', () => {
    expect(readMatrix([row], cells)).toMatchObject({ wrong: [], text: expect.stringContaining('ok (3 points)') });
  });

  it('names what is missing and what is red', () => {
    const { text, wrong } = readMatrix([row], [{ row: 'ds/rm', format: 'raw', column: 'once', green: false }]);
    expect(wrong).toEqual(['ds/rm raw once: red', 'ds/rm raw twice: missing', 'ds/rm raw killed: missing']);
    expect(text).toContain('MISSING');
  });
});

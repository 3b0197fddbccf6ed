import { afterAll, expect, it } from 'vitest';
import { hasProgram } from '../../agent/tools/programs.ts';
import { base64, documents } from './documents.ts';
import { exportsOfCeph, seedExports } from './exports.ts';
import { type Family, fuzz, type Report } from './fuzzer.ts';
import { headers, seedHeads, seenByQemu } from './headers.ts';
import { paths, scripts, words } from './words.ts';

/** The same inputs every time, unless others are asked for: CI must not fail by chance. */
const SEED = Number(process.env['ONESTORAGE_FUZZ_SEED'] ?? 1);
const SCALE = Number(process.env['ONESTORAGE_FUZZ_SCALE'] ?? 1);
const SAMPLE = 60;

const lacks = process.env['CI'] !== 'true' && !(await hasProgram('qemu-img'));
const reports: Report[] = [];

async function run<Input>(family: Family<Input>): Promise<void> {
  const report = await fuzz(family, SEED, SCALE);
  reports.push(report);
  const { crashes, hangs, wrong } = report;
  expect({ crashes, hangs, wrong }, `seed ${SEED}`).toEqual({ crashes: [], hangs: [], wrong: [] });
  expect(report.taken, 'inputs that were taken').toBeGreaterThan(family.takenAtLeast * Math.min(SCALE, 1));
  expect(report.taken).toBeLessThan(report.inputs);
}

const TIMEOUT = 60_000 * Math.max(1, SCALE);

it('words of a call: taken only as they stand', { timeout: TIMEOUT }, () => run(words));
it('names of scripts: an action, or nothing', { timeout: TIMEOUT }, () => run(scripts));
it('paths: in a datastore, or refused', { timeout: TIMEOUT }, () => run(paths));
it('documents: read as another parser reads them', { timeout: TIMEOUT }, () => run(documents));
it('base64: decoded as another decoder does', { timeout: TIMEOUT }, () => run(base64));
it('exports of Ceph: read as another reader reads them', { timeout: TIMEOUT }, () => run(exportsOfCeph(seedExports())));
it.skipIf(lacks)('image headers: nothing that refers to another file, or is not what it says', { timeout: TIMEOUT }, async () => {
  const kept: Buffer[] = [];
  await run(headers(await seedHeads(), kept));
  expect(await seenByQemu(kept, SEED, SAMPLE)).toEqual([]);
});

afterAll(() => {
  const sum = (count: (report: Report) => number): number => reports.reduce((total, report) => total + count(report), 0);
  const each = reports.map(({ name, inputs, taken }) => `${name} ${inputs} (${taken} taken)`).join(', ');
  process.stdout.write(`fuzz, seed ${SEED}: ${each}\n`);
  process.stdout.write(
    `fuzz: ${sum(({ inputs }) => inputs)} inputs, ${sum(({ crashes }) => crashes.length)} crashes, ${sum(({ hangs }) => hangs.length)} hangs, ${sum(({ wrong }) => wrong.length)} accepted wrongly\n`,
  );
});

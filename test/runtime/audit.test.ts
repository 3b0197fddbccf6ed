import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { appendFileSync, readdirSync, readFileSync, renameSync, rmSync, statSync, truncateSync, writeFileSync } from 'node:fs';
import { mkdtemp } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { hashOf, NO_LINE } from '../../runtime/audit/chain.ts';
import { AuditLog, type AuditOptions } from '../../runtime/audit/log.ts';
import { inOrder, type Verdict, verifyFile } from '../../runtime/audit/verify.ts';
import { silent } from './echo.ts';

const PROGRAM = join(import.meta.dirname, 'audit-program.ts');
const MAIN = join(import.meta.dirname, '../../packaging/main.ts');

let directory = '';
let file = '';
beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'onestorage-audit-'));
  file = join(directory, 'audit.log');
});
afterEach(() => rmSync(directory, { recursive: true, force: true }));

const open = (more: Partial<AuditOptions> = {}) => new AuditLog({ file, log: silent, ...more });
const linesOf = (name = file): string[] => readFileSync(name, 'utf8').split('\n').slice(0, -1);
const write = (count: number, more: Partial<AuditOptions> = {}): string => {
  const audit = open(more);
  for (let index = 0; index < count; index += 1) audit.append({ event: 'test', index });
  audit.close();
  return audit.head;
};

async function verifyAll(): Promise<readonly Verdict[]> {
  const verdicts: Verdict[] = [];
  const files = readdirSync(directory).map((name) => join(directory, name));
  for (const name of inOrder(files)) {
    const last = verdicts.at(-1);
    verdicts.push(await verifyFile(name, last?.broken === undefined ? last?.head : undefined));
  }
  return verdicts;
}

function cli(...words: string[]): { status: number | null; stdout: string; stderr: string } {
  const env = { PATH: process.env['PATH'] };
  return spawnSync(process.execPath, [MAIN, 'audit', 'verify', ...words], { encoding: 'utf8', env, timeout: 50_000 });
}

describe('the audit log', () => {
  it('chains its lines by their hashes, and may be read by its owner alone', async () => {
    const head = write(3);
    const lines = linesOf();
    expect(lines.map((line) => JSON.parse(line).previous)).toEqual([NO_LINE, hashOf(lines[0]!), hashOf(lines[1]!)]);
    expect(hashOf(lines[2]!)).toBe(head);
    expect(statSync(file).mode & 0o777).toBe(0o600);
    expect(await verifyFile(file, NO_LINE)).toMatchObject({ lines: 3, mended: 0, open: false, head, broken: undefined });
  });

  it('goes on with its chain after a restart', async () => {
    write(2);
    write(2);
    expect(await verifyFile(file, NO_LINE)).toMatchObject({ lines: 4, broken: undefined });
  });

  it('keeps a line a line, whatever the names in it are', async () => {
    const audit = open();
    audit.append({ event: 'test', subject: `two\nlines ${'x'.repeat(100_000)}`, nothing: undefined });
    audit.close();
    expect(linesOf()).toHaveLength(1);
    expect(linesOf()[0]!.length).toBeLessThan(500);
    expect(await verifyFile(file, NO_LINE)).toMatchObject({ lines: 1, broken: undefined });
  });

  it.each([1, 2, 40])('marks a last line that lacks its last %i bytes, and goes on', async (missing) => {
    write(3);
    truncateSync(file, statSync(file).size - missing);
    expect(await verifyFile(file, NO_LINE)).toMatchObject({ open: true, broken: undefined });
    write(1);
    expect(JSON.parse(linesOf()[3]!)).toMatchObject({ event: 'mended', lost: 0 });
    expect(await verifyFile(file, NO_LINE)).toMatchObject({ lines: 5, mended: 1, open: false, broken: undefined });
  });

  it('loses no line that was written when its daemon is killed', async () => {
    for (let round = 0; round < 3; round += 1) {
      const before = round === 0 ? 0 : linesOf().length;
      const child = spawn(process.execPath, [PROGRAM, file], { stdio: ['pipe', 'pipe', 'inherit'] });
      const exited = once(child, 'exit');
      let text = '';
      for await (const chunk of child.stdout.setEncoding('utf8')) {
        text += chunk;
        if (text.split('\n').length > 5) child.kill('SIGKILL');
      }
      await exited;
      const said = Number(text.trimEnd().split('\n').at(-1));
      write(1);
      const written = linesOf().slice(before);
      expect(written.filter((line) => line.includes(`"index":${said}}`))).not.toEqual([]);
      expect(written.length).toBeGreaterThan(said);
    }
    expect(await verifyFile(file, NO_LINE)).toMatchObject({ open: false, broken: undefined });
  });

  it('says how many lines a full disk has cost, and never throws', async () => {
    // A limit on the size of files cuts a line in its middle, as a full disk does.
    const limited = ['--fsize=3000:unlimited', process.execPath, PROGRAM, file, '100'];
    const child = spawn('prlimit', limited, { stdio: ['pipe', 'pipe', 'inherit'] });
    const exited = once(child, 'exit');
    let text = '';
    for await (const chunk of child.stdout.setEncoding('utf8')) {
      text += chunk;
      if (!text.includes('lost')) continue;
      expect(statSync(file).size).toBe(3000);
      spawnSync('prlimit', [`--pid=${child.pid}`, '--fsize=unlimited']);
      child.stdin.end();
    }
    expect(await exited).toEqual([0, null]);
    const lost = Number(/lost (\d+)/.exec(text)?.[1]);
    expect(lost).toBeGreaterThan(50);
    const last = linesOf()
      .slice(-2)
      .map((line) => JSON.parse(line));
    expect(last).toMatchObject([
      { event: 'mended', lost },
      { event: 'test', index: -1 },
    ]);
    expect(last[0].torn).toBeGreaterThan(0);
    expect(await verifyFile(file, NO_LINE)).toMatchObject({ mended: 1, broken: undefined });
  });
});

describe('rotation', () => {
  it('goes on with the chain in the next file, and keeps so many', async () => {
    write(40, { maxBytes: 1000, keep: 3 });
    expect(readdirSync(directory).sort()).toHaveLength(4);
    const verdicts = await verifyAll();
    expect(verdicts.map(({ broken }) => broken)).toEqual([undefined, undefined, undefined, undefined]);
    expect(JSON.parse(linesOf().at(-1)!)).toMatchObject({ index: 39 });
    for (const name of readdirSync(directory)) expect(statSync(join(directory, name)).mode & 0o777).toBe(0o600);
  });

  it('finds the chain again when the daemon was killed between the two files', async () => {
    write(5);
    renameSync(file, `${file}.7`);
    write(2);
    expect((await verifyAll()).map(({ lines, broken }) => ({ lines, broken }))).toEqual([
      { lines: 5, broken: undefined },
      { lines: 2, broken: undefined },
    ]);
  });

  it('takes files in their order, not in that of their names', () => {
    const given = ['audit.log', 'audit.log.1', 'audit.log.10', 'audit.log.2'].map((name) => `/a/${name}`);
    expect(inOrder(given)).toEqual(['/a/audit.log.1', '/a/audit.log.2', '/a/audit.log.10', '/a/audit.log']);
  });

  it('misses a file', async () => {
    write(40, { maxBytes: 1000, keep: 9 });
    rmSync(`${file}.2`);
    const broken = (await verifyAll()).filter((verdict) => verdict.broken !== undefined);
    expect(broken).toMatchObject([{ file: `${file}.3`, broken: { line: 1 } }]);
  });
});

describe('a changed audit log', () => {
  it('is found by any changed byte before its last line', async () => {
    write(6);
    const whole = readFileSync(file);
    const lastLine = whole.lastIndexOf('\n', -2);
    await fc.assert(
      fc.asyncProperty(fc.nat(lastLine - 1), fc.integer({ min: 1, max: 255 }), async (at, by) => {
        const changed = Buffer.from(whole);
        changed[at] = (changed[at]! + by) % 256;
        writeFileSync(file, changed);
        expect((await verifyFile(file, NO_LINE)).broken).toBeDefined();
      }),
      { numRuns: 150 },
    );
  });

  it.each([
    ['removed', (lines: string[]) => lines.filter((_line, index) => index !== 2), 3],
    ['twice', (lines: string[]) => lines.flatMap((line, index) => (index === 2 ? [line, line] : [line])), 4],
    ['changed', (lines: string[]) => lines.map((line) => line.replace('"index":2', '"index":7')), 4],
    ['no line', (lines: string[]) => lines.map((line, index) => (index === 2 ? 'x' : line)), 3],
  ] as const)('names the first broken line: %s', async (_what, change, line) => {
    write(6);
    writeFileSync(file, `${change(linesOf()).join('\n')}\n`);
    expect((await verifyFile(file, NO_LINE)).broken).toMatchObject({ line });
  });
});

describe('onestorage audit verify', () => {
  it('says whole, and the head', () => {
    const head = write(40, { maxBytes: 1000, keep: 1 });
    const { status, stdout, stderr } = cli(file, `${file}.${readdirSync(directory)[1]!.split('.')[2]}`);
    expect({ status, stderr }).toEqual({ status: 0, stderr: '' });
    expect(stdout).toMatch(/^\S+audit\.log\.\d+: whole, \d+ lines\n\S+audit\.log: whole, \d+ lines\nhead [0-9a-f]{64}\n$/);
    expect(stdout).toContain(head);
  });

  it('exits with 1 at a broken line, and at one that is missing at the end', () => {
    const head = write(3);
    const lines = linesOf();
    writeFileSync(file, `${lines.slice(0, 2).join('\n')}\n`);
    expect(cli(file)).toMatchObject({ status: 0 });
    expect(cli('--head', head, file)).toMatchObject({ status: 1, stdout: expect.stringContaining(`no line has the hash ${head}`) });
    appendFileSync(file, '{}\n');
    expect(cli(file)).toMatchObject({ status: 1, stdout: `${file}:3: broken: it is no line of an audit log\n` });
  });

  it('says which file is not there', () => {
    const { status, stderr } = cli(join(directory, 'other.log'));
    expect(status).toBe(1);
    expect(stderr).toMatch(/^onestorage: .*other\.log.*\n {2}hint: .*\n$/);
  });
});

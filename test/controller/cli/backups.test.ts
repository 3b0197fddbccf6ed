import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { backupsCommand } from '../../../controller/cli/backups.ts';
import { backupTable, backupText } from '../../../controller/cli/backups-table.ts';
import { ProgressLine } from '../../../controller/cli/progress-line.ts';
import type { BackupLook, IncrementLook } from '../../../controller/looks/backups.ts';
import type { Looks } from '../../../controller/looks/looks.ts';
import type { BackupOrders } from '../../../controller/server/backups.ts';
import { type RunningServer, startServer } from '../../../controller/server/server.ts';
import { StorageError } from '../../../runtime/errors.ts';
import { createLogger } from '../../../runtime/log.ts';

const first: IncrementLook = {
  ...{ id: 0, backupId: '577e252f', full: true, createdUnixMs: 1_795_377_301_000, sizeBytes: 2048 },
  ...{ present: true, mergedInto: undefined, disks: ['0', 'tpm'] },
};
const second: IncrementLook = { ...first, id: 1, backupId: '407bf2c9', full: false, disks: ['0'] };
const whole: BackupLook = {
  ...{ id: 20, name: '2 22-Nov', vmId: 2, jobId: undefined, datastoreId: 105, mode: 'increment', state: 'whole', failure: undefined },
  ...{ newestUnixMs: 1_795_377_433_000, sizeBytes: 4096, increments: [first, second] },
};
const lost: BackupLook = { ...whole, id: 21, state: 'missing', increments: [first, { ...second, present: false, disks: [] }] };
const failure = { reason: 'repository_unreachable', message: 'backup.example cannot be reached' };
const unknown: BackupLook = { ...whole, id: 22, state: 'unknown', failure, increments: [] };

describe('tables', () => {
  it('of backups', () => {
    expect(backupTable([whole, lost, { ...unknown, vmId: undefined, newestUnixMs: undefined }]).split('\n')).toEqual([
      'IMAGE  NAME      VM  DATASTORE  MODE       INCREMENTS  NEWEST                SIZE     STATE',
      '20     2 22-Nov  2   105        increment  2           2026-11-22T19:57:13Z  4.0 KiB  whole',
      '21     2 22-Nov  2   105        increment  2           2026-11-22T19:57:13Z  4.0 KiB  increment 1 MISSING',
      '22     2 22-Nov  -   105        increment  0           -                     4.0 KiB  not known: backup.example cannot be reached',
      '',
    ]);
    expect(backupTable([])).toBe('OpenNebula has no such backups\n');
  });

  it('of one backup', () => {
    const lines = backupText({ ...lost, increments: [{ ...first, mergedInto: '0badcafe' }, ...lost.increments.slice(1)] }).split('\n');
    expect(lines).toContain('datastore  105');
    expect(lines.slice(-4)).toEqual([
      'INCREMENT  TYPE       DATE                  SIZE     DISKS  BACKUP    STATE',
      '0          full       2026-11-22T19:55:01Z  2.0 KiB  0,tpm  577e252f  merged into 0badcafe',
      '1          increment  2026-11-22T19:55:01Z  2.0 KiB  -      407bf2c9  MISSING',
      '',
    ]);
  });
});

it('draws progress over itself on a terminal, and a line a step elsewhere', () => {
  const written: string[] = [];
  const screen = { isTTY: true, columns: 80, write: (text: string) => written.push(text) };
  const line = new ProgressLine(screen);
  line.show({ step: 'read disk.0.0', doneBytes: 1024, totalBytes: 4096 }, 1000, 0);
  line.say('a word');
  expect(written).toEqual(['\r\u001b[Kread disk.0.0  [###.........] 25% of 4.0 KiB  1.0 KiB/s  3.0 s left', '\r\u001b[K', 'a word\n']);
  written.length = 0;
  const plain = new ProgressLine({ ...screen, isTTY: false });
  for (const doneBytes of [1, 2]) plain.show({ step: 'read disk.0.0', doneBytes, totalBytes: 4 }, 1000, 0);
  plain.clear();
  expect(written).toEqual(['read disk.0.0\n']);
});

describe('commands', () => {
  let directory: string;
  let socket: string;
  let server: RunningServer | undefined;
  let out: string;
  let err: string;

  beforeEach(async () => {
    directory = await mkdtemp(join(tmpdir(), 'onestorage-backups-'));
    socket = join(directory, 'controller.sock');
    vi.spyOn(process.stdout, 'write').mockImplementation((text) => {
      out += String(text);
      return true;
    });
    vi.spyOn(process.stderr, 'write').mockImplementation((text) => {
      err += String(text);
      return true;
    });
  });

  afterEach(async () => {
    vi.restoreAllMocks();
    process.exitCode = undefined;
    await server?.stop();
    server = undefined;
    await rm(directory, { recursive: true, force: true });
  });

  async function serve(looks: Partial<Looks>, backups: Partial<BackupOrders> = {}): Promise<void> {
    const handler = { run: () => Promise.reject(new Error('not here')), cancel: () => false, list: () => [], get: () => undefined };
    const log = createLogger('test', 'silent');
    server = await startServer({ socket, handler, looks: looks as Looks, backups: backups as BackupOrders, log, dialect: '7' });
  }

  async function run(...words: string[]): Promise<unknown> {
    out = '';
    err = '';
    await backupsCommand().parseAsync([...words, '--socket', socket], { from: 'user' });
    const status = process.exitCode;
    process.exitCode = undefined;
    return status;
  }

  it.each([['list'], ['show', '20'], ['verify', '20'], ['reset', '9']])('%s says that no controller runs', async (...words) => {
    expect(await run(...words)).toBe(2);
    expect(err).toContain(`no controller listens on ${socket}`);
  });

  it('have examples and exit statuses in their help', () => {
    for (const command of backupsCommand().commands) {
      let help = '';
      command.configureOutput({ writeOut: (text) => (help += text) }).outputHelp();
      expect(help).toContain('Exit status: 0');
      expect(help).toContain(`Examples:\n  onestorage backups ${command.name()}`);
    }
  });

  it('list exits by what it saw, and passes the filter on', async () => {
    let found = [whole];
    const filters: unknown[] = [];
    await serve({
      backups: async (filter) => {
        filters.push(filter);
        return found;
      },
    });
    expect(await run('list', '--vm', '2')).toBe(0);
    found = [whole, lost];
    expect(await run('list', '--datastore', '105', '--json')).toBe(1);
    expect(JSON.parse(out)).toMatchObject([{ id: 20 }, { id: 21, state: 'missing' }]);
    found = [unknown];
    expect(await run('list')).toBe(1);
    expect(filters).toEqual([{ vmId: 2 }, { datastoreId: 105 }, {}]);
  });

  it('show knows one backup, and says when there is none', async () => {
    await serve({
      backup: async (id) => {
        if (id === 20) return whole;
        throw new StorageError('not_found', 'OpenNebula: no image 9');
      },
    });
    expect(await run('show', '20')).toBe(0);
    expect(out).toContain('state      whole\n');
    expect(await run('show', '9')).toBe(1);
    expect(err).toContain('no image 9');
  });

  it('verify shows progress, and exits by whether something differs', async () => {
    let thrown: StorageError | undefined;
    const asked: unknown[] = [];
    await serve(
      {},
      {
        async *verify(what) {
          asked.push(what);
          yield { type: 'begun', host: 'backup1', increments: [0, 1] };
          yield { type: 'progress', step: 'read disk.0.0', doneBytes: 1, totalBytes: 4 };
          yield { type: 'log', level: 'warn', text: 'increment 0: no checksum was taken of vm.xml' };
          if (thrown !== undefined) throw thrown;
          yield { type: 'verified', sizeBytes: 2048, ...(what.bootSeconds && { answeredBy: 'guest agent' }) };
        },
      },
    );
    expect(await run('verify', '20')).toBe(0);
    expect(out).toBe('backup 20: 2.0 KiB were read back, nothing differs\n');
    expect(err).toBe('read disk.0.0\nincrement 0: no checksum was taken of vm.xml\n');
    expect(await run('verify', '20', '--increment', '1', '--json')).toBe(0);
    expect(JSON.parse(out)).toMatchObject({ image: 20, host: 'backup1', increments: [0, 1], sizeBytes: 2048, differs: false });
    expect(await run('verify', '20', '--boot')).toBe(0);
    expect(out).toBe('backup 20: 2.0 KiB were read back, nothing differs; it was booted, and its guest agent answered\n');
    expect(await run('verify', '20', '--boot', '--limit', '3', '--increment', '1')).toBe(0);
    thrown = new StorageError('guest_silent', 'neither guest agent nor login within 3m00s');
    expect(await run('verify', '20', '--boot', '--limit', '3')).toBe(1);
    thrown = new StorageError('bad_checksum', 'increment 0: disk.0.0 differs');
    expect(await run('verify', '20', '--json')).toBe(1);
    expect(JSON.parse(out)).toMatchObject({ differs: true, failure: { reason: 'bad_checksum' } });
    expect(err).toContain('increment 0: disk.0.0 differs');
    thrown = new StorageError('repository_unreachable', 'backup.example cannot be reached');
    expect(await run('verify', '20')).toBe(2);
    const plain = { imageId: 20, incrementId: -1 };
    expect(asked).toEqual([
      plain,
      { ...plain, incrementId: 1 },
      { ...plain, bootSeconds: 600 },
      { incrementId: 1, imageId: 20, bootSeconds: 180 },
      { ...plain, bootSeconds: 180 },
      plain,
      plain,
    ]);
  });

  it('reset changes nothing without --apply, and nothing while a backup runs', async () => {
    const resets: number[] = [];
    let chain = { vmId: 9, backupRuns: false, nextIncrement: 4, imageId: 20 };
    await serve({}, { chain: async () => chain, reset: async (vm) => void resets.push(vm) });
    await run('reset', '9');
    expect(out).toContain('would be increment 4 of backup 20\nnothing was changed');
    expect(resets).toEqual([]);
    await run('reset', '9', '--apply');
    expect(out).toBe('the next backup of VM 9 is a full one, in a new image; backup 20 stays as it is\n');
    expect(resets).toEqual([9]);
    await run('reset', '9', '--apply', '--json');
    expect(JSON.parse(out)).toEqual({ ...chain, applied: true });
    chain = { ...chain, nextIncrement: 0 };
    await run('reset', '9');
    expect(out).toContain('a full one anyway');
    chain = { ...chain, backupRuns: true };
    expect(await run('reset', '9', '--apply')).toBe(1);
    expect(err).toContain('VM 9 runs');
    expect(resets).toEqual([9, 9]);
  });
});

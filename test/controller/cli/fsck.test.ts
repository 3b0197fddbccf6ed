import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { exitStatus, fsckCommand } from '../../../controller/cli/fsck.ts';
import { inspectionText } from '../../../controller/cli/fsck-table.ts';
import type { Inspect, InspectionEvent } from '../../../controller/inspection/events.ts';
import { type RunningServer, startServer } from '../../../controller/server/server.ts';
import { StorageError } from '../../../runtime/errors.ts';
import { createLogger } from '../../../runtime/log.ts';

const finding: InspectionEvent = {
  type: 'finding',
  host: 'host01',
  problem: 'unknown_vm',
  path: '9',
  text: 'OpenNebula has no virtual machine with this id',
  allocatedBytes: 512 * 1024,
  modifiedUnixMs: 1_000_000,
  movable: true,
};
const broken: InspectionEvent = { ...finding, problem: 'missing_image', path: 'abc', text: 'it is missing', movable: false };
const looked: InspectionEvent = { type: 'looked', host: 'host01' };
const unanswered: InspectionEvent = { type: 'unanswered', host: 'host02', reason: 'unreachable', message: 'host02 does not answer' };
const moved: InspectionEvent = { type: 'moved', host: 'host01', path: '9', to: '.quarantine/op/9' };
const kept: InspectionEvent = { type: 'kept', host: 'host01', path: '9', reason: 'in_use', message: 'it is open' };

describe('what fsck prints', () => {
  it('is a table, and then what was done', () => {
    expect(inspectionText(0, [unanswered, finding, broken, looked, moved], 8_200_000).split('\n')).toEqual([
      'HOST    PROBLEM        PATH  SIZE       AGE    WHAT',
      'host01  unknown_vm     9     512.0 KiB  2h00m  OpenNebula has no virtual machine with this id (can be set aside)',
      'host01  missing_image  abc   -          -      it is missing',
      'host02: could not be looked at: host02 does not answer',
      'host01: set aside 9 as 0/.quarantine/op/9',
      '',
    ]);
    expect(inspectionText(0, [finding, looked, kept], 8_200_000)).toContain('host01: 9 stays: it is open\n');
    expect(inspectionText(7, [looked], 0)).toBe('datastore 7: nothing out of place on 1 host\n');
    expect(inspectionText(7, [looked, looked], 0)).toBe('datastore 7: nothing out of place on 2 hosts\n');
    expect(inspectionText(7, [unanswered], 0)).toBe('host02: could not be looked at: host02 does not answer\n');
  });

  it.each<[number, InspectionEvent[]]>([
    [0, [looked]],
    [0, [finding, looked, moved]],
    [1, [finding, looked]],
    [1, [finding, looked, kept]],
    [1, [finding, broken, looked, moved]],
    [2, [looked, unanswered]],
    [2, [finding, looked, unanswered, moved]],
    [2, []],
  ])('exits with %i', (status, events) => expect(exitStatus(events)).toBe(status));
});

describe('onestorage fsck', () => {
  let directory: string;
  let socket: string;
  let server: RunningServer | undefined;
  let out: string;
  let err: string;

  beforeEach(async () => {
    directory = await mkdtemp(join(tmpdir(), 'onestorage-fsck-'));
    socket = join(directory, 'controller.sock');
    out = '';
    err = '';
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

  async function serve(inspect: Inspect): Promise<void> {
    const handler = { run: () => Promise.reject(new Error('not here')), cancel: () => false, list: () => [], get: () => undefined };
    server = await startServer({ socket, handler, inspect, log: createLogger('test', 'silent'), dialect: '7' });
  }

  /** The exit status. */
  async function fsck(...words: string[]): Promise<unknown> {
    await fsckCommand().parseAsync([...words, '--socket', socket], { from: 'user' });
    const status = process.exitCode;
    process.exitCode = undefined;
    return status;
  }

  it('asks the controller, and repairs only when it is told to', async () => {
    const asked: unknown[] = [];
    await serve(async function* (id, { repair }) {
      asked.push([id, repair]);
      yield finding;
      yield looked;
      if (repair) yield moved;
    });
    expect(await fsck('0')).toBe(1);
    expect(out).toContain('unknown_vm');
    out = '';
    expect(await fsck('0', '--repair', '--json')).toBe(0);
    expect(JSON.parse(out)).toMatchObject({
      datastoreId: 0,
      looked: ['host01'],
      findings: [{ path: '9' }],
      moved: [{ path: '9' }],
      kept: [],
    });
    expect(asked).toEqual([
      [0, false],
      [0, true],
    ]);
  });

  it('says what went wrong, before and after the first finding', async () => {
    expect(await fsck('0')).toBe(2);
    expect(err).toContain(`no controller listens on ${socket}`);
    await serve(async function* (id) {
      if (id > 0) yield finding;
      throw new StorageError('unsupported', 'datastore 0 has TM_MAD ceph');
    });
    err = '';
    expect(await fsck('0')).toBe(2);
    expect(err).toContain('onestorage: datastore 0 has TM_MAD ceph\n');
    out = '';
    expect(await fsck('1', '--json')).toBe(2);
    expect(JSON.parse(out)).toMatchObject({ findings: [{ path: '9' }], failure: { reason: 'unsupported' } });
  });

  it('does not take a broken answer for a whole one, and ends the inspection when it goes away', async () => {
    const ended = Promise.withResolvers<unknown>();
    await serve(async function* (_id, _options, signal) {
      yield looked;
      signal.addEventListener('abort', () => ended.resolve(signal.reason));
      void server?.stop();
      await ended.promise;
      signal.throwIfAborted();
    });
    expect(await fsck('0')).toBe(2);
    expect(err).toContain('the controller went away before it had answered');
    expect(await ended.promise).toMatchObject({ reason: 'cancelled' });
  });

  it('refuses what is no datastore', async () => {
    const command = fsckCommand()
      .exitOverride()
      .configureOutput({ writeErr: () => undefined });
    await expect(command.parseAsync(['x'], { from: 'user' })).rejects.toThrow('Not the id of a datastore');
  });
});

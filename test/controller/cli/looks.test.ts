import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { stripVTControlCharacters } from 'node:util';
import type { Command } from 'commander';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { datastoresCommand, datastoreTable } from '../../../controller/cli/datastores.ts';
import { explainCommand } from '../../../controller/cli/explain.ts';
import { hostsCommand, hostTable } from '../../../controller/cli/hosts.ts';
import { logsCommand, storyText } from '../../../controller/cli/logs.ts';
import { opsCommand } from '../../../controller/cli/ops.ts';
import { operationTable } from '../../../controller/cli/ops-table.ts';
import { transfersCommand } from '../../../controller/cli/transfers.ts';
import { vmsCommand, vmTable, vmText } from '../../../controller/cli/vms.ts';
import type { DatastoreLook } from '../../../controller/looks/datastores.ts';
import type { Explanation } from '../../../controller/looks/explain.ts';
import type { HostLook } from '../../../controller/looks/hosts.ts';
import type { Looks } from '../../../controller/looks/looks.ts';
import type { VmLook } from '../../../controller/looks/vms.ts';
import { type RunningServer, startServer } from '../../../controller/server/server.ts';
import { StorageError } from '../../../runtime/errors.ts';
import { createLogger } from '../../../runtime/log.ts';
import type { OperationRecord } from '../../../runtime/operations/types.ts';

const DAY = 24 * 3600 * 1000;
const failure = { reason: 'unreachable', message: 'host02 (b:1) does not answer: connection refused' };
const agent = {
  hostName: 'host01',
  machineId: 'abc',
  version: '0.1.0',
  datastores: '/ds',
  missingPrograms: [],
  runningOperations: 2,
  certificateNotAfter: 10 * DAY,
};
const up: HostLook = { name: 'host01', address: 'a:1', frontEnd: false, agent, failure: undefined };
const down: HostLook = { name: 'host02', address: 'b:1', frontEnd: false, agent: undefined, failure };
const space = { totalBytes: 2048, usedBytes: 1024, freeBytes: 512 };
const part = { host: 'host01', space, marker: 'agent_local', failure: undefined };
const system: DatastoreLook = { id: 107, name: 'sys', type: 'system', drivers: ['agent_local'], parts: [part] };
const disk = { id: 0, format: 'raw', type: 'FILE', sizeBytes: 1024, imageId: 3, snapshots: 1, allocatedBytes: undefined };
const vm: VmLook = {
  id: 9,
  name: 'vm9',
  state: 'RUNNING',
  datastoreId: 107,
  host: 'host01',
  directory: '/ds/107/9',
  present: true,
  failure: undefined,
  disks: [disk],
};
const record: OperationRecord = {
  id: '4f0c2f6e-7c1a-4a56-9d1e-3b8f1c1f2a77',
  kind: 'action',
  subject: 'clone of disk 0 of VM 9',
  state: 'failed',
  attempt: 1,
  committed: false,
  step: 'receive',
  progress: undefined,
  figures: { movedBytes: 0, skippedBytes: 0, verifiedBytes: 0, processes: 0 },
  createdAt: 0,
  finishedAt: 1000,
  failure: { reason: 'no_space', message: 'full' },
};
const step = { ...record, id: '4f0c2f6e-7c1a-4a56-9d1e-3b8f1c1f2a77.receive', kind: 'transfer.receive', host: 'host01' };
const explanation: Explanation = {
  subject: 'clone of disk 0 of VM 9',
  class: 'deploy',
  locks: ['vm:9'],
  hosts: ['frontend', 'host01'],
  supersedes: [],
  steps: [
    {
      step: 'receive',
      method: 'Transfers/Receive',
      host: 'host01',
      address: 'a:1',
      origin: undefined,
      source: { host: 'frontend', address: 'f:1', place: '106/abc', bytes: 2048, there: true },
      target: { host: 'host01', address: 'a:1', place: '107/9/disk.0', bytes: undefined, there: false },
      space: { host: 'host01', datastoreId: 107, needsBytes: 2048, freeBytes: 4096 },
    },
  ],
  commitsBefore: undefined,
  remarks: [],
  failure: undefined,
};

describe('tables', () => {
  it('of hosts', () => {
    expect(hostTable([up, down, { ...up, frontEnd: true, agent: { ...agent, missingPrograms: ['nbdkit (x)'] } }], 0).split('\n')).toEqual([
      'HOST                ADDRESS  VERSION  OPERATIONS  CERTIFICATE  MACHINE ID  STATE',
      'host01              a:1      0.1.0    2           10 days      abc         ready',
      'host02              b:1      -        -           -            -           host02 (b:1) does not answer: connection refused',
      'host01 (front-end)  a:1      0.1.0    2           10 days      abc         missing: nbdkit (x)',
      'hint: check that the host is up and onestorage-agent runs on it',
      '',
    ]);
    expect(hostTable([up], 11 * DAY)).toContain('EXPIRED');
  });

  it('of datastores', () => {
    const gone = { host: 'host02', space: undefined, marker: undefined, failure: { reason: 'not_found', message: 'x' } };
    const image = { ...system, id: 106, type: 'image', drivers: ['agent_fs', 'agent_local'], parts: [{ ...part, marker: undefined }] };
    expect(
      datastoreTable([image, { ...system, parts: [part, { ...part, marker: undefined }, gone] }, { ...system, parts: [] }]).split('\n'),
    ).toEqual([
      'ID   NAME  TYPE    DRIVER                HOST    TOTAL    USED     FREE   MARKER       STATE',
      '106  sys   image   agent_fs agent_local  host01  2.0 KiB  1.0 KiB  512 B  -            ready',
      '107  sys   system  agent_local           host01  2.0 KiB  1.0 KiB  512 B  agent_local  ready',
      '107  sys   system  agent_local           host01  2.0 KiB  1.0 KiB  512 B  none         not measured by OpenNebula until it has a marker',
      expect.stringContaining('not there yet'),
      '107  sys   system  agent_local           -       -        -        -      -            no host has a part of it',
      '',
    ]);
    expect(datastoreTable([])).toContain('no datastore of OpenNebula');
  });

  it('of machines and their disks', () => {
    expect(vmTable([vm, { ...vm, present: false }, { ...vm, directory: undefined, present: undefined, failure }]).split('\n')).toEqual([
      'ID  NAME  STATE    HOST    DISKS  SIZE     DIRECTORY',
      '9   vm9   RUNNING  host01  1 raw  1.0 KiB  /ds/107/9',
      '9   vm9   RUNNING  host01  1 raw  1.0 KiB  /ds/107/9 IS MISSING',
      '9   vm9   RUNNING  host01  1 raw  1.0 KiB  not known: host02 (b:1) does not answer: connection refused',
      '',
    ]);
    expect(vmText({ ...vm, state: 'PROLOG', present: false })).toContain('directory  /ds/107/9 (not there at the moment)\n');
    expect(vmText(vm)).toContain('disk.0  raw     FILE  1.0 KiB  not seen  1          3\n');
  });

  it('of the story of an operation', () => {
    const text = storyText(record.id, {
      operation: record,
      parts: [step],
      lines: [{ at: 5, level: 'info', text: 'made disk.0' }],
      unanswered: [{ host: 'host02', ...failure }],
    });
    expect(text).toContain('1970-01-01T00:00:00.005Z  info  made disk.0\n');
    expect(text).toContain('failure   full (no_space)\n');
    expect(text).toMatch(
      /1970-01-01T00:00:00.000Z +host01 +transfer.receive +failed +1.0 s +receive +4f0c2f6e-7c1a-4a56-9d1e-3b8f1c1f2a77.receive\n/,
    );
    expect(text).toContain('host01: full (no_space)\n');
    expect(text).toContain('host02 could not be asked');
    expect(text).toContain(`grep ${record.id} in the log`);
    expect(storyText('x', { operation: undefined, parts: [], lines: [], unanswered: [] })).toContain('forgotten');
  });
});

it('colours states and what is wrong, on terminals that may have colours', () => {
  const plain = hostTable([up, down], 0);
  vi.stubEnv('FORCE_COLOR', '1');
  const coloured = hostTable([up, down], 0);
  expect(coloured).toContain('\u001b[32mready\u001b[39m\n');
  expect(coloured).toContain(`\u001b[31m${failure.message}\u001b[39m\n`);
  expect(stripVTControlCharacters(coloured)).toBe(plain);
  expect(stripVTControlCharacters(operationTable([record], 0))).toMatch(/^ID +STATE +STARTED .*\n4f0c2f6e +failed +1970/u);
  vi.unstubAllEnvs();
  vi.stubEnv('NO_COLOR', '1');
  expect(hostTable([up, down], 0)).toBe(plain);
  vi.unstubAllEnvs();
});

describe('commands', () => {
  let directory: string;
  let socket: string;
  let server: RunningServer | undefined;
  let out: string;
  let err: string;

  beforeEach(async () => {
    directory = await mkdtemp(join(tmpdir(), 'onestorage-looks-'));
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

  async function serve(looks: Partial<Looks>, records: readonly OperationRecord[] = []): Promise<void> {
    const handler = { run: () => Promise.reject(new Error('not here')), cancel: () => false, list: () => records, get: () => undefined };
    server = await startServer({ socket, handler, looks: looks as Looks, log: createLogger('test', 'silent'), dialect: '7' });
  }

  async function run(command: Command, ...words: string[]): Promise<unknown> {
    out = '';
    err = '';
    await command.parseAsync([...words, '--socket', socket], { from: 'user' });
    const status = process.exitCode;
    process.exitCode = undefined;
    return status;
  }

  it.each<[string, () => Command, string[]]>([
    ['hosts', hostsCommand, []],
    ['datastores', datastoresCommand, []],
    ['vms', vmsCommand, ['9']],
    ['transfers', transfersCommand, []],
    ['logs', logsCommand, ['4f0c2f6e-7c1a-4a56-9d1e-3b8f1c1f2a77']],
    ['explain', explainCommand, ['tm/delete', 'a']],
  ])('%s says that no controller runs, and has examples and exit statuses in its help', async (_name, command, words) => {
    expect(await run(command(), ...words)).toBe(2);
    expect(err).toContain(`no controller listens on ${socket}; start it`);
    let help = '';
    command()
      .configureOutput({ writeOut: (text) => (help += text) })
      .outputHelp();
    expect(help).toContain('Exit status: 0');
    expect(help).toContain('Examples:\n  onestorage ');
  });

  it('exit by what they saw', async () => {
    let hosts = [up];
    let vms = [vm];
    let datastores = [system];
    await serve({ hosts: async () => hosts, vms: async () => vms, datastores: async () => datastores });
    for (const command of [hostsCommand(), vmsCommand(), datastoresCommand()]) expect(await run(command)).toBe(0);
    hosts = [up, down];
    vms = [{ ...vm, present: false }];
    datastores = [{ ...system, parts: [{ ...part, marker: undefined as never }] }];
    for (const command of [hostsCommand(), vmsCommand(), datastoresCommand()]) {
      expect(await run(command, '--json')).toBe(1);
      expect(JSON.parse(out)).toHaveLength(command.name() === 'hosts' ? 2 : 1);
    }
    vms = [{ ...vm, present: false, state: 'PROLOG_MIGRATE' }];
    expect(await run(vmsCommand())).toBe(0);
  });

  it('tells of an operation that failed, and of one that nobody knows', async () => {
    await serve({
      story: async (id) => {
        if (id !== record.id && id !== step.id) throw new StorageError('not_found', 'there is no operation any more');
        return { operation: { ...record, failure: undefined }, parts: [step], lines: [], unanswered: [] };
      },
    });
    expect(await run(logsCommand(), record.id)).toBe(0);
    expect(await run(logsCommand(), step.id)).toBe(1);
    expect(await run(logsCommand(), 'ffffffff-0000-4000-8000-000000000000')).toBe(1);
    expect(err).toContain('there is no operation any more');
  });

  it('take the beginning of an id, when it is that of one operation', async () => {
    const other = { ...record, id: '4f0c9999-0000-4000-8000-000000000000' };
    const story = { operation: record, parts: [step], lines: [], unanswered: [] };
    await serve({ story: async (id) => ({ ...story, operation: { ...record, subject: id, failure: undefined } }) }, [record, other]);
    expect(await run(logsCommand(), '4f0c2')).toBe(0);
    expect(out).toContain(`action    ${record.id}\n`);
    await run(logsCommand(), '4f0c2.receive');
    expect(out).toContain(`action    ${step.id}\n`);
    expect(await run(logsCommand(), '4f0c')).toBe(2);
    expect(err).toContain(`2 operations begin with 4f0c: ${record.id}, ${other.id}`);
    for (const verb of ['show', 'watch', 'cancel']) {
      expect(await run(opsCommand(), verb, 'nosuch')).toBe(1);
      expect(err).toContain("no operation is or begins with 'nosuch': onestorage ops list --all shows the newest");
    }
  });

  it('explains, with the document of a file', async () => {
    const calls: unknown[] = [];
    await serve({
      explain: async (call) => {
        calls.push(call);
        return calls.length === 1 ? explanation : { ...explanation, steps: [], commitsBefore: 0, failure };
      },
    });
    expect(await run(explainCommand(), 'tm/clone', 'a b', '-1')).toBe(0);
    expect(out).toMatch(/1 +host01 \(a:1\) +Transfers\/Receive +frontend:106\/abc \(2\.0 KiB\) +107\/9\/disk\.0 \(nothing there\)\n/);
    expect(out).toContain('step 1 needs at least 2.0 KiB in datastore 107 of host01, where 4.0 KiB are free\n');
    await writeFile(join(directory, 'document'), 'PHE+');
    expect(await run(explainCommand(), 'ds/rm', '7', '--document', join(directory, 'document'))).toBe(1);
    expect(out).toContain('nothing is asked of any host\nfrom step 1 on it cannot be cancelled\nit would fail: host02');
    expect(calls).toMatchObject([
      { action: 'tm/clone', driver: 'agent_local', argv: ['a b', '-1'], stdin: '' },
      { action: 'ds/rm', driver: 'agent_fs', argv: ['7'], stdin: 'PHE+' },
    ]);
    expect(await run(explainCommand(), 'ds/rm', '7', '--document', join(directory, 'none'))).toBe(1);
    expect(err).toContain('--document');
  });

  it('lists transfers alone, and watches once where there is no terminal', async () => {
    const moving = { ...record, finishedAt: undefined, failure: undefined, state: 'running' } as const;
    await serve({}, [moving, { ...moving, id: 'other', subject: 'delete of VM 9' }]);
    expect(await run(transfersCommand(), '--json')).toBe(0);
    expect(JSON.parse(out)).toMatchObject([{ id: record.id }]);
    await run(transfersCommand(), '--watch');
    expect(out.match(/^ID/gmu)).toHaveLength(1);
    expect(out).not.toContain('other');
    await run(opsCommand(), 'list', '--watch');
    expect(out).toContain('other');
  });
});

import { mkdir, readdir, readFile, stat, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import type { AgentContext } from '../../../agent/context.ts';
import { createImage } from '../../../agent/operations/create-image.ts';
import { removeImage } from '../../../agent/operations/remove-image.ts';
import { disksService } from '../../../agent/services/disks.ts';
import { hostsService } from '../../../agent/services/hosts.ts';
import type { OperationEvent } from '../../../proto/gen/onestorage/v1/OperationEvent.ts';
import { createLogger } from '../../../runtime/log.ts';
import { Operations } from '../../../runtime/operations/operations.ts';
import { MIB } from '../../../runtime/units.ts';
import { lacks, temporaryDirectory } from '../tools/context.ts';

const incomplete = await lacks('qemu-img', 'mkfs.ext4', 'xorriso');

async function makeAgent() {
  const base = await temporaryDirectory();
  const log = createLogger('test', 'silent');
  const operations = new Operations({ file: path.join(base, 'journal'), log });
  onTestFinished(() => operations.stop());
  const agent = {
    datastores: path.join(base, 'datastores'),
    vmFiles: path.join(base, 'vms'),
    hostName: 'node2',
    machineId: '0123',
    log,
    operations,
  } as unknown as AgentContext;
  return { agent, disks: disksService(agent), hosts: hostsService(agent, { measure: async () => [] }) };
}

let ids = 0;

function header(operationId = `op-${++ids}`) {
  return { operationId, subject: 'disk 2 of VM 9' };
}

const TARGET = { datastoreId: 104, path: '9/disk.2' };
const CREATE = { target: TARGET, sizeBytes: 16 * MIB, format: 'raw', fileSystem: '', preallocate: false, monitor: '' };
const CALL = { signal: new AbortController().signal };

/** The outcome that is sent last. */
async function outcome(work: (send: (event: OperationEvent) => Promise<void>) => Promise<void>) {
  const events: OperationEvent[] = [];
  await work(async (event) => void events.push(event));
  return events.at(-1)?.outcome;
}

describe.skipIf(incomplete)('the disks service', () => {
  it('creates, grows and removes a disk', async () => {
    const { agent, disks } = await makeAgent();
    const file = path.join(agent.datastores, '104/9/disk.2');
    const request = { ...CREATE, operation: header(), fileSystem: 'ext4', monitor: 'agent_local' };
    const made = await outcome((send) => disks.Create(request, CALL, send));
    expect(made).toMatchObject({ result: { format: 'raw', sizeBytes: 16 * MIB }, figures: { processes: 1 } });
    expect(await readFile(path.join(agent.datastores, '104/.monitor'), 'utf8')).toBe('agent_local\n');
    // The same id again gives the recorded outcome and does nothing.
    const { ino } = await stat(file);
    expect(await outcome((send) => disks.Create(request, CALL, send))).toEqual(made);
    expect((await stat(file)).ino).toBe(ino);
    const resize = { operation: header(), target: TARGET, sizeBytes: 32 * MIB, format: 'raw', preallocate: false };
    expect((await outcome((send) => disks.Resize(resize, CALL, send)))?.failure).toBeUndefined();
    expect((await stat(file)).size).toBe(32 * MIB);
    for (const target of [TARGET, { ...TARGET, path: '9' }, { ...TARGET, path: '9' }]) {
      expect((await outcome((send) => disks.Remove({ operation: header(), target }, CALL, send)))?.failure).toBeUndefined();
    }
    expect(await readdir(path.join(agent.datastores, '104'))).toEqual(['.monitor']);
  });

  it('leaves nothing when it fails', async () => {
    const { agent, disks } = await makeAgent();
    const request = { ...CREATE, operation: header(), fileSystem: 'xfs', sizeBytes: MIB };
    expect(await outcome((send) => disks.Create(request, CALL, send))).toMatchObject({ failure: { reason: 'tool_failed' } });
    expect(await readdir(path.join(agent.datastores, '104'))).toEqual([]);
  });

  it('makes a context image from the files of the VM', async () => {
    const { agent, disks } = await makeAgent();
    await mkdir(path.join(agent.vmFiles, '9'), { recursive: true });
    await writeFile(path.join(agent.vmFiles, '9/context.sh'), 'A=1\n');
    const target = { datastoreId: 0, path: '.isofiles/9/context' };
    const file = { vmFile: '9/context.sh', target: '', origin: 'vmFile' } as const;
    const request = { operation: header(), target, files: [file, file] };
    expect((await outcome((send) => disks.CreateContext(request, CALL, send)))?.failure).toBeUndefined();
    expect((await stat(path.join(agent.datastores, '0', target.path))).size).toBeGreaterThan(2048);
  });

  it.each<[string, object, string]>([
    ['no target', { target: null }, 'target is missing'],
    ['a path that leaves the datastore', { target: { datastoreId: 1, path: '../x' } }, `'../x' has an empty, "." or ".." part`],
    ['no size', { sizeBytes: 0 }, 'size is 0 bytes'],
    ['an unknown format', { format: 'vmdk' }, `format is 'vmdk'; raw and qcow2 are known`],
    ['an unknown file system', { fileSystem: 'btrfs' }, `file system is 'btrfs'; known are swap, ext2, ext3, ext4, xfs`],
    ['a marker that is a path', { monitor: '../x' }, `monitor is '../x'`],
    ['no id', { operation: null }, 'operation_id is missing'],
  ])('refuses %s before anything is recorded', async (_name, change, message) => {
    const { agent, disks } = await makeAgent();
    const request = { ...CREATE, operation: header(), ...change } as Parameters<typeof disks.Create>[0];
    await expect(disks.Create(request, CALL, () => Promise.resolve())).rejects.toThrow(message);
    expect(agent.operations.list({ all: true, limit: 10 })).toEqual([]);
  });

  it('refuses a context file without origin, and one with a bad name', async () => {
    const { disks } = await makeAgent();
    const request = { operation: header(), target: { datastoreId: 0, path: 'x' } };
    const call = (files: Parameters<typeof disks.CreateContext>[0]['files']) =>
      disks.CreateContext({ ...request, files }, CALL, () => Promise.resolve());
    await expect(call([{ target: 'x' }])).rejects.toThrow('has no origin');
    await expect(call([{ vmFile: '9/context.sh', target: 'a/b' }])).rejects.toThrow(`'a/b' is not a name`);
  });
});

describe('creating and removing images', () => {
  it('works twice', async () => {
    const { agent } = await makeAgent();
    const target = { datastoreId: 1, path: '1a394a80' };
    const input = { target, sizeBytes: MIB, format: 'raw', preallocate: false } as const;
    for (let again = 0; again < 2; again += 1) {
      await agent.operations.submit(createImage(agent), { id: `create-${again}`, subject: 'image 3', input }).done;
      expect(await readdir(path.join(agent.datastores, '1'))).toEqual([target.path]);
    }
    for (let again = 0; again < 2; again += 1) {
      await agent.operations.submit(removeImage(agent), { id: `remove-${again}`, subject: 'image 3', input: { target } }).done;
      expect(await readdir(path.join(agent.datastores, '1'))).toEqual([]);
    }
  });
});

describe('remove', () => {
  it('says whether something was there', async () => {
    const { agent, disks } = await makeAgent();
    await mkdir(path.join(agent.datastores, '104/9'), { recursive: true });
    await writeFile(path.join(agent.datastores, '104/9/disk.2'), 'x');
    const lines: string[] = [];
    for (const _again of [1, 2]) {
      await disks.Remove({ target: TARGET, operation: header() }, CALL, async ({ log }) => {
        if (log?.text !== undefined) lines.push(log.text);
      });
    }
    expect(lines).toEqual(['removed disk.2', 'disk.2 was not there']);
  });
});

describe('the hosts service', () => {
  it('describes the host', async () => {
    const { agent, hosts } = await makeAgent();
    // The controller asks before every transfer which machine it is: that must start no program.
    expect(await hosts.Describe({ brief: true, wire: true }, CALL)).toMatchObject({
      machineId: '0123',
      programs: [],
      wire: expect.arrayContaining(['Disks/Create', 'CreateDiskRequest.preallocate']),
    });
    const found = await hosts.Describe({ brief: false, wire: false }, CALL);
    expect(found).toMatchObject({ hostName: 'node2', machineId: '0123', datastores: agent.datastores });
    expect(found.version).toMatch(/^\d+\.\d+\.\d+$/u);
    expect(found.programs).toEqual(expect.arrayContaining([expect.stringMatching(/^cp \d/u)]));
  });

  it('gives the usage of a datastore, and makes one only for the controller', async () => {
    const { agent, hosts } = await makeAgent();
    const ask = (create: boolean, role: string, monitor = '') => hosts.Usage({ datastoreId: 104, create, monitor }, { peer: { role } });
    await expect(ask(false, 'controller')).rejects.toMatchObject({ reason: 'not_found' });
    await expect(ask(true, 'admin')).rejects.toMatchObject({ reason: 'forbidden' });
    expect(Number((await ask(true, 'controller')).totalBytes)).toBeGreaterThan(0);
    expect(await readdir(agent.datastores)).toEqual(['104']);
    expect(Number((await ask(false, 'admin')).usedBytes)).toBeGreaterThanOrEqual(0);
    await expect(ask(false, 'admin', 'agent_local')).rejects.toMatchObject({ reason: 'forbidden' });
    await ask(true, 'controller', 'agent_local');
    expect(await readdir(path.join(agent.datastores, '104'))).toEqual(['.monitor']);
  });
});

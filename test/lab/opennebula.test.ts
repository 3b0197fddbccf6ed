import { chmod, mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { XMLParser } from 'fast-xml-parser';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { addDatastores, addVm, emptyModel, imageDisk } from './models.ts';
import { readOutput } from './opennebula/mad.ts';
import { type StandIn, startStandIn } from './opennebula/stand-in.ts';

const parser = new XMLParser({ parseTagValue: false });
let home: string;
let one: StandIn;

beforeEach(async () => {
  home = await mkdtemp(path.join(os.tmpdir(), 'lab-one-'));
  const model = emptyModel({ datastoreLocation: `${home}//datastores`, vmFiles: `${home}/vms` });
  addDatastores(model, { LIMIT_TRANSFER_BW: '10M' });
  addVm(model, { id: 9, disks: [imageDisk({ id: 0, source: '/a&b' })], host: 'host01' });
  const site = { remotes: path.join(home, 'remotes'), directory: home, version: '7' } as const;
  one = await startStandIn({ model, session: 'oneadmin:secret', site });
});

afterEach(async () => {
  await one.stop();
  await rm(home, { recursive: true, force: true });
});

async function call(method: string, ...values: string[]): Promise<{ flag: string; text: string; code: string }> {
  const params = values.map((value) => `<param><value>${value}</value></param>`).join('');
  const body = `<?xml version="1.0"?><methodCall><methodName>${method}</methodName><params>${params}</params></methodCall>`;
  const answer = await fetch(one.endpoint.url, { method: 'POST', body });
  const parsed = parser.parse(await answer.text());
  const [flag, text, code] = parsed.methodResponse.params.param.value.array.data.value;
  return { flag: flag.boolean, text: text.string, code: code.i4 };
}

async function script(name: string, body: string): Promise<void> {
  const file = path.join(home, 'remotes', name);
  await mkdir(path.dirname(file), { recursive: true });
  await writeFile(file, `#!/bin/sh\n${body}\n`);
  await chmod(file, 0o755);
}

describe('the API', () => {
  it('answers vm.info with the document', async () => {
    const answer = await call('one.vm.info', '<string>oneadmin:secret</string>', '<i4>9</i4>', '<boolean>0</boolean>');
    expect(answer).toMatchObject({ flag: '1', code: '0' });
    const { VM } = parser.parse(answer.text);
    expect(VM.TEMPLATE.DISK).toMatchObject({ DISK_ID: '0', SOURCE: '/a&b', TM_MAD: 'agent_local', CLONE: 'YES' });
    expect(VM.HISTORY_RECORDS.HISTORY).toMatchObject({ HOSTNAME: 'host01', DS_ID: '107' });
    expect(one.endpoint.calls).toEqual(['one.vm.info 9']);
  });

  it('answers datastore.info with inherited and own attributes', async () => {
    const answer = await call('one.datastore.info', 'oneadmin:secret', '<int>106</int>');
    const { DATASTORE } = parser.parse(answer.text);
    expect(DATASTORE).toMatchObject({ TM_MAD: 'agent_local', TYPE: '0', TEMPLATE: { LIMIT_TRANSFER_BW: '10M', TYPE: 'IMAGE_DS' } });
  });

  it('refuses a wrong session and an unknown object', async () => {
    expect(await call('one.vm.info', 'oneadmin:wrong', '<i4>9</i4>')).toMatchObject({ flag: '0', code: '256' });
    expect(await call('one.image.info', 'oneadmin:secret', '<i4>5</i4>')).toMatchObject({ flag: '0', code: '1024' });
  });
});

describe('one_tm', () => {
  it('gives the words to the action, falls back from the suffix, and stops at the first failure', async () => {
    await script('tm/agent_local/clone', 'echo "INFO: ran $*" >&2; echo "$ONE_XMLRPC $PWD" ; cat');
    await script('tm/agent_local/ln', 'echo "no space left" >&2; exit 3');
    const lines = ['# comment', '', 'CLONE.ssh  agent_local a b 9 106', 'LN agent_local a b 9 106', 'CLONE agent_local never'];
    const results = await one.tm(lines);
    expect(results.map((result) => [result.action, result.exit])).toEqual([
      ['tm/agent_local/clone', 0],
      ['tm/agent_local/ln', 3],
    ]);
    expect(results[0]?.log).toEqual([{ severity: 'INFO', objectId: -1, text: 'ran a b 9 106' }]);
    expect(results[0]?.stdout).toBe(`${one.endpoint.url} ${home}\n`);
    expect(results[1]?.info).toBe('no space left');
  });

  it('fails a line of an unknown driver or action', async () => {
    expect((await one.tm(['CLONE nobody a b 9 106']))[0]).toMatchObject({ exit: 255, info: "Transfer Driver 'nobody' not available" });
  });

  it('ends an action that is killed with code 255', async () => {
    await script('tm/agent_local/clone', 'kill -9 $$');
    expect((await one.tm(['CLONE agent_local a b 9 106']))[0]?.exit).toBe(255);
  });
});

describe('one_datastore', () => {
  it('writes the document as base64 without a line end', async () => {
    await script('datastore/agent_fs/stat', 'printf "%s " "$1"; base64 -d');
    const result = await one.stat('http://x/a b', 106);
    const [, id, document] = /^(\d+) (.*)$/s.exec(result.stdout) ?? [];
    expect(id).toBe('1');
    expect(parser.parse(document ?? '').DS_DRIVER_ACTION_DATA.IMAGE.PATH).toBe('http://x/a b');
  });

  it('asks a system datastore through its transfer driver', async () => {
    await script('tm/agent_local/monitor', 'base64 -d');
    const result = await one.monitor(107, true);
    expect(result.action).toBe('tm/agent_local/monitor');
    expect(parser.parse(result.stdout).DS_DRIVER_ACTION_DATA).toMatchObject({ MONITOR_VM_DISKS: '1', DATASTORE: { ID: '107' } });
  });
});

describe('reading output', () => {
  const stderr = 'INFO: clone: started\nINFO: 512 blocks\nWARNING: odd\nclone: no space left\n';

  it('reads log lines and the error text as 7.x does', () => {
    expect(readOutput('7', 1, '', stderr)).toEqual({
      info: 'WARNING: oddclone: no space left',
      log: [
        { severity: 'INFO', objectId: -1, text: 'clone: started' },
        { severity: 'INFO', objectId: 512, text: 'blocks' },
      ],
      undefinedMessages: [],
    });
  });

  it('takes everything as the error in 6.10, and nothing on success', () => {
    expect(readOutput('6.10', 1, '', 'INFO: a\nb\n').info).toBe('INFO: a b');
    expect(readOutput('6.10', 0, '/x raw\n', stderr)).toEqual({ info: '/x raw', log: [], undefinedMessages: [] });
  });

  it('shows that a second line of output reaches oned as something else, and an empty one as a dash', () => {
    expect(readOutput('7', 0, 'a raw\nb\n', '')).toMatchObject({ info: 'a raw', undefinedMessages: ['b'] });
    expect(readOutput('7', 0, '', '').info).toBe('-');
  });
});

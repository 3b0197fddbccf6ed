import { chmod, mkdir, mkdtemp, rm, symlink, unlink, writeFile } from 'node:fs/promises';
import { hostname, tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { doctorStatus, doctorText } from '../../../controller/cli/doctor.ts';
import { controllerConfig } from '../../../controller/config.ts';
import { checkAgents, problemsOf } from '../../../controller/doctor/agents.ts';
import type { CheckResult } from '../../../controller/doctor/check.ts';
import { examine } from '../../../controller/doctor/doctor.ts';
import { checkDatastores, checkFrontEndName, checkHostNames, checkOnedConf } from '../../../controller/doctor/oned.ts';
import { checkIdentity, checkLogin, checkState, expiry } from '../../../controller/doctor/own.ts';
import { hostDirectory } from '../../../controller/hosts/directory.ts';
import type { DatastoreSummary } from '../../../controller/opennebula/overview.ts';
import { readXml } from '../../../controller/opennebula/xml.ts';
import type { CheckHostResponse__Output } from '../../../proto/gen/onestorage/v1/CheckHostResponse.ts';
import { checkShims } from '../../../shims/check.ts';
import { installShims } from '../../../shims/install.ts';
import { testIdentityDirectory } from '../../helpers/pki.ts';
import { FakeLooks, healthy } from '../looks/fake-looks.ts';

const signal = new AbortController().signal;
const DAY = 24 * 3600 * 1000;
const host = { name: 'host01', address: 'host01:2635', expect: {} };

let directory = '';
beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'onestorage-doctor-'));
});
afterEach(() => rm(directory, { recursive: true, force: true }));

function configOf(values: Record<string, unknown> = {}) {
  return controllerConfig.parse({ state_directory: join(directory, 'state'), front_end: { names: ['frontend'] }, ...values });
}

/** A front-end's own, which are not there. */
function files() {
  return { onedConf: join(directory, 'oned.conf'), vmmExecrc: join(directory, 'vmm_execrc') };
}

function texts(problems: readonly { readonly severity: string; readonly text: string }[]): string[] {
  return problems.map(({ severity, text }) => `${severity} ${text}`);
}

describe('an agent', () => {
  // One moment for all: a loaded machine takes its time between two looks at the clock.
  const now = Date.now();
  const seen = (more: Partial<CheckHostResponse__Output> = {}) => {
    return { found: healthy('host01', { clockUnixMs: now, ...more }), before: now - 100, after: now + 100 };
  };

  it.each<[string, Partial<CheckHostResponse__Output>]>([
    ['warning its clock is off by 9.9 s', { clockUnixMs: now - 10_000 }],
    ['warning its clock is off by 1h', { clockUnixMs: now + 3600_000 }],
    ['warning it runs version 0.0.9', { version: '0.0.9' }],
    ['error missing: nbdkit (package nbdkit)', { missingPrograms: ['nbdkit (package nbdkit)'] }],
    ['warning missing: lzop (package lzop)', { missingPrograms: ['lzop (package lzop)'] }],
    ['error /var/lib/one/datastores: permission denied', { datastoresProblem: 'permission denied' }],
    ['error all 100 data ports are taken', { freeDataPorts: 0 }],
    ['warning only 9 of 100 data ports', { freeDataPorts: 9 }],
    ['warning 2 temporary files', { staleFileCount: 2, staleFiles: ['107/9/.onestorage.a.b'] }],
    ['error the certificate has expired', { certificateNotAfterUnixMs: Date.now() - DAY }],
    ['warning the certificate ends in', { certificateNotAfterUnixMs: Date.now() + 10 * DAY }],
    ['error only 1.0 MiB are free', { stateFreeBytes: 2 ** 20 }],
    ['warning the journal takes 1.0 GiB', { journalBytes: 2 ** 30 }],
  ])('%s', (text, more) => {
    const found = problemsOf(host, seen(more));
    expect(texts(found)).toEqual([expect.stringContaining(text)]);
    expect(found[0]?.remedy).not.toBe('');
  });

  it('that has everything has no problem, and a front-end needs no hypervisor', () => {
    expect(problemsOf(host, seen())).toEqual([]);
    const missing = seen({ missingPrograms: ['virsh (Debian: libvirt-clients)'] });
    expect(problemsOf(host, missing, true)).toEqual([]);
    expect(problemsOf(host, missing, false)).toHaveLength(1);
  });

  it('must answer, and be one machine', async () => {
    const config = configOf({ hosts: { a: { address: 'a:1' }, b: { address: 'b:1' }, c: { address: 'c:1' } } });
    const agents = new FakeLooks();
    agents.refused.add('c');
    for (const name of ['a', 'b']) agents.checks.set(name, { machineId: 'cloned' });
    const problems = await checkAgents({ config, hosts: hostDirectory(config), agents }, signal, 'shim');
    expect(problems.filter(({ severity }) => severity === 'error')).toMatchObject([
      { severity: 'error', subject: 'c', remedy: expect.stringContaining('onestorage-agent') },
      { severity: 'error', subject: 'a and b', text: expect.stringContaining('cloned') },
    ]);
  });
});

describe('OpenNebula', () => {
  const tm = (attributes: string): string => `<TM_MAD_CONF><NAME>agent_local</NAME>${attributes}</TM_MAD_CONF>`;
  const conf = (attributes: string, tms = 'ssh,agent_local', dss = 'fs,agent_fs', systems = 'agent_local', more = '') =>
    readXml(
      `<OPENNEBULA_CONFIGURATION><TM_MAD><ARGUMENTS>-t 15 -d ${tms}</ARGUMENTS></TM_MAD>` +
        `<DATASTORE_MAD><ARGUMENTS>-t 15 -d ${dss} -s ${systems}</ARGUMENTS></DATASTORE_MAD>${attributes}${more}</OPENNEBULA_CONFIGURATION>`,
      'configuration',
    );
  const ALL = '<LN_TARGET>SYSTEM</LN_TARGET><CLONE_TARGET>SYSTEM</CLONE_TARGET><SHARED>no</SHARED>';
  const one = (id: number, type: DatastoreSummary['type'], template: Record<string, string>, tmMad = 'agent_local'): DatastoreSummary => ({
    id,
    name: `ds${id}`,
    type,
    dsMad: type === 'system' ? '-' : 'agent_fs',
    tmMad,
    clusters: new Set(['0']),
    template: new Map(Object.entries(template)),
  });
  const image = one(106, 'image', { LN_TARGET: 'SYSTEM', CLONE_TARGET: 'SYSTEM' });
  const system = one(107, 'system', { SHARED: 'NO' });

  it('knows the drivers that its datastores have', () => {
    expect(checkOnedConf(conf(tm(ALL)), [image, system])).toEqual([]);
    // Nobody uses them: then nothing is missing.
    expect(checkOnedConf(conf('', 'ssh', 'fs', 'ssh'), [])).toEqual([]);
    expect(texts(checkOnedConf(conf(''), [image, system]))).toEqual(['error oned.conf has no TM_MAD_CONF for it']);
    expect(texts(checkOnedConf(conf(tm('<SHARED>YES</SHARED><LN_TARGET>SYSTEM</LN_TARGET>')), [system]))).toEqual([
      'error its TM_MAD_CONF lacks CLONE_TARGET = "SYSTEM", SHARED = "NO"',
    ]);
    expect(
      checkOnedConf(conf(tm(ALL), 'ssh', 'fs', 'ssh'), [image, system]).map(({ subject, remedy }) => `${subject} ${remedy.slice(0, 25)}`),
    ).toEqual(['agent_local add agent_local to -d in ', 'agent_fs add agent_fs to -d in ARG', 'agent_local add agent_local to -s in ']);
  });

  it('has them in the datastores as they are now', () => {
    expect(checkDatastores([image, system, one(1, 'image', {}, 'ssh')].slice(0, 2))).toEqual([]);
    expect(checkDatastores([one(107, 'system', { SHARED: 'YES' }), one(106, 'image', { LN_TARGET: 'SYSTEM' })])).toMatchObject([
      { subject: 'datastore 107 (ds107)', text: 'it has not SHARED=NO' },
      { subject: 'datastore 106 (ds106)', text: 'it has not CLONE_TARGET=SYSTEM' },
    ]);
    expect(texts(checkDatastores([one(108, 'system', {}, 'agent_ceph')]))).toEqual(['error the driver agent_ceph is not there yet']);
  });

  it('calls hosts and itself as the configuration does', () => {
    const hosts = [
      { name: 'Host01', clusterId: '0', offline: false },
      { name: 'host02', clusterId: '0', offline: false },
      { name: 'host03', clusterId: '0', offline: true },
    ];
    const names = (only: boolean) => configOf({ hosts: { host01: { address: 'a:1' }, old: { address: 'b:1' } }, hosts_only: only });
    expect(checkHostNames(names(false), hosts).map(({ severity, subject }) => `${severity} ${subject}`)).toEqual([
      'warning host02',
      'warning old',
    ]);
    expect(checkHostNames(names(true), hosts)[0]).toMatchObject({ severity: 'error', subject: 'host02' });
    const hostName = (name: string) => conf('', '', '', '', `<HOSTNAME>${name}</HOSTNAME>`);
    expect(checkFrontEndName(configOf(), hostName('frontend'))).toEqual([]);
    expect(checkFrontEndName(configOf(), hostName('frontend.example.org'))).toEqual([]);
    expect(checkFrontEndName(configOf(), hostName('one1'))).toMatchObject([
      { severity: 'error', remedy: expect.stringContaining('add one1') },
    ]);
    expect(checkFrontEndName(configOf({ front_end: { names: [hostname()] } }), undefined)).toEqual([]);
    expect(checkFrontEndName(configOf({ front_end: { names: ['elsewhere-1'] } }), undefined)).toMatchObject([{ severity: 'warning' }]);
  });
});

describe('what the controller stands on', () => {
  it('its certificate', async () => {
    const now = Date.now();
    expect(expiry('x', now + 31 * DAY, now)).toEqual([]);
    const pki = await testIdentityDirectory('controller');
    expect(await checkIdentity(configOf({ pki }), now)).toEqual([]);
    await chmod(join(pki, 'key.pem'), 0o644);
    expect(texts(await checkIdentity(configOf({ pki }), now))).toEqual([expect.stringContaining('can be read by other users')]);
    const agent = await testIdentityDirectory('agent');
    expect(texts(await checkIdentity(configOf({ pki: agent }), now))).toEqual([expect.stringContaining('is for the role agent')]);
    expect(await checkIdentity(configOf({ pki: join(directory, 'none') }), now)).toHaveLength(1);
  });

  it('its login and its journal', async () => {
    const file = join(directory, 'one_auth');
    const config = configOf({ opennebula: { auth_file: file } });
    expect(texts(await checkLogin(config))).toEqual([expect.stringContaining('no such file')]);
    await writeFile(file, 'oneadmin:secret\n', { mode: 0o600 });
    expect(await checkLogin(config)).toEqual([]);
    await chmod(file, 0o644);
    expect(texts(await checkLogin(config))).toEqual(['warning everybody can read it']);
    await writeFile(file, 'nothing\n');
    expect(texts(await checkLogin(config))).toEqual(['error it does not begin with user:password']);
    expect(texts(await checkState(config))).toEqual([expect.stringContaining('the directory is not there')]);
    await mkdir(config.state_directory);
    expect((await checkState(config)).filter(({ text }) => !text.includes('free'))).toEqual([]);
  });

  it('its shims', async () => {
    const program = '#!/bin/sh\n# onestorage shim\nexit 0\n';
    const needed = new Set(['tm/agent_local'] as const);
    expect((await checkShims(directory, program, needed)).map(({ path }) => path)).toEqual(['onestorage/shim.sh', 'tm/agent_local']);
    await installShims(directory, program, ['tm/agent_local']);
    expect(await checkShims(directory, program, needed)).toEqual([]);
    expect(await checkShims(directory, `${program}#`, needed)).toMatchObject([{ text: 'the action program is of another version' }]);
    await chmod(join(directory, 'onestorage/shim.sh'), 0o644);
    await unlink(join(directory, 'tm/agent_local/clone'));
    await unlink(join(directory, 'tm/agent_local/mv'));
    await symlink('../../elsewhere', join(directory, 'tm/agent_local/mv'));
    expect(await checkShims(directory, program, needed)).toMatchObject([
      { text: 'the action program cannot be executed' },
      { path: 'tm/agent_local', text: 'clone, mv missing, or not made by onestorage' },
    ]);
    await expect(checkShims(join(directory, 'none'), program, needed)).rejects.toThrow('ENOENT');
  });
});

describe('doctor', () => {
  const health = () => Promise.reject(new Error('no controller'));

  it('says what it cannot check when oned does not answer, and goes on', async () => {
    const config = join(directory, 'controller.yaml');
    const state = join(directory, 'state');
    await writeFile(
      config,
      `state_directory: ${state}\npki: ${directory}/none\nopennebula: { endpoint: "http://127.0.0.1:1/RPC2", auth_file: ${directory}/none }\n`,
    );
    const results = await examine({ configFile: config, ...files(), remotes: directory, socket: undefined, health }, signal);
    const of = (name: string) => results.find(({ check }) => check === name);
    expect(of('configuration')).toMatchObject({ problems: [], unchecked: undefined });
    expect(of('controller')?.problems).toMatchObject([{ text: 'no controller' }]);
    expect(of('OpenNebula')?.problems).toHaveLength(1);
    expect(of('datastores')?.unchecked).toContain('ONE_AUTH');
    expect(of('agents')?.unchecked).toContain('agents answer a controller only');
    expect(doctorStatus(results)).toBe(1);
  });

  it('sees a controller of another version', async () => {
    const config = join(directory, 'controller.yaml');
    await writeFile(config, `opennebula: { endpoint: "http://127.0.0.1:1/RPC2", auth_file: ${directory}/none }\n`);
    const controllerOf = async (answer: unknown) => {
      const results = await examine(
        { configFile: config, ...files(), remotes: directory, socket: '/s', health: async () => answer },
        signal,
      );
      return results.find(({ check }) => check === 'controller')?.problems.map(({ subject, text }) => `${subject} ${text}`);
    };
    expect(await controllerOf({ ok: true, version: '0.1.0' })).toEqual([]);
    expect(await controllerOf({ ok: true, version: '0.0.9' })).toEqual(['/s the controller runs version 0.0.9, this is 0.1.0']);
  });

  it('says what is wrong with the configuration', async () => {
    const results = await examine(
      { configFile: join(directory, 'none.yaml'), ...files(), remotes: directory, socket: undefined, health },
      signal,
    );
    expect(results).toMatchObject([{ check: 'configuration', problems: [{ severity: 'error' }] }]);
  });

  it('prints each check, and exits by the worst', () => {
    const problem = { severity: 'error', subject: 'host01', text: 'it is off', remedy: 'switch it on' } as const;
    const fine: CheckResult = { check: 'shims', problems: [], unchecked: undefined };
    const bad: CheckResult = { ...fine, check: 'agents', problems: [problem] };
    const skipped: CheckResult = { ...fine, check: 'names', unchecked: 'oned is down' };
    expect(doctorText([fine, bad, skipped]).split('\n')).toEqual([
      'shims   ok',
      'agents  error        host01: it is off',
      '                     -> switch it on',
      'names   not checked  oned is down',
      '',
      '1 error, 0 warnings, 1 not checked',
      '',
    ]);
    expect([[fine], [fine, skipped], [bad, skipped]].map(doctorStatus)).toEqual([0, 2, 1]);
  });
});

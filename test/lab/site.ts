import { mkdir, mkdtemp, readFile, writeFile } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { parse, stringify } from 'yaml';
import { createAuthority, issueCertificate } from '../../runtime/identity/authority.ts';
import { SERVER_AUTH } from './opennebula/sessions.ts';
import type { PortBlock } from './ports.ts';

/** The files of a site in one temporary directory: keys, configurations, and each host's own datastores. */

export const HOSTS = ['frontend', 'host01', 'host02'] as const;
export type HostName = (typeof HOSTS)[number];
export const SESSION = 'oneadmin:lab';

/** What OpenNebula reads on its front-end: as one.system.config of the stand-in has it. */
export const FRONT_END_FILES = {
  'oned.conf': `TM_MAD = [ EXECUTABLE = "one_tm", ARGUMENTS = "-t 15 -d dummy,shared,ssh,agent_local" ]
DATASTORE_MAD = [ EXECUTABLE = "one_datastore", ARGUMENTS = "-t 15 -d dummy,fs,agent_fs -s shared,ssh,local,agent_local" ]
TM_MAD_CONF = [ NAME = "agent_local", LN_TARGET = "SYSTEM", CLONE_TARGET = "SYSTEM", SHARED = "NO", DS_MIGRATE = "YES" ]
`,
  vmm_execrc: 'LIVE_DISK_SNAPSHOTS="kvm-ssh kvm-agent_local"\n',
} as const;

export interface HostFiles {
  readonly name: HostName;
  readonly address: string;
  /** Each host has its own, as real hosts do; the front-end's is where oned's paths point. */
  readonly datastores: string;
  readonly stateDirectory: string;
  /** Of the shims that OpenNebula runs on the host itself. */
  readonly socket: string;
  readonly pki: string;
  readonly config: string;
  readonly log: string;
}

export interface Site {
  readonly directory: string;
  /** Home of oneadmin: remotes, datastores of the front-end, vms. */
  readonly home: string;
  readonly remotes: string;
  readonly vmFiles: string;
  readonly socket: string;
  /** Certificate of the role admin: may look, may not change. */
  readonly adminPki: string;
  readonly hosts: Readonly<Record<HostName, HostFiles>>;
  readonly controller: { readonly config: string; readonly log: string; readonly stateDirectory: string };
}

/** Makes the directory with everything but the controller's configuration, which needs the stand-in's address. */
export async function makeSite(ports: PortBlock, agentOptions: Readonly<Record<string, unknown>> = {}): Promise<Site> {
  const directory = await mkdtemp(path.join(os.tmpdir(), 'onestorage-lab-'));
  const at = (...names: readonly string[]) => path.join(directory, ...names);
  const home = at('one');
  for (const name of ['log', 'etc', 'one/vms', 'one/remotes', 'state/controller']) await mkdir(at(name), { recursive: true });
  await createAuthority(at('pki', 'authority'));
  await issueCertificate(
    at('pki', 'authority'),
    { role: 'controller', hostName: 'frontend', addresses: ['127.0.0.1'] },
    at('pki', 'controller'),
  );
  await issueCertificate(at('pki', 'authority'), { role: 'admin', hostName: 'admin' }, at('pki', 'admin'));
  const hosts = await Promise.all(HOSTS.map((name, index) => makeHost(name, index)));
  for (const [name, text] of Object.entries(FRONT_END_FILES)) await writeFile(at('etc', name), text);
  await writeFile(at('one', 'one_auth'), `${SESSION}\n`, { mode: 0o600 });
  await writeFile(at('one', 'onegate_auth'), `${SERVER_AUTH}\n`, { mode: 0o600 });
  return {
    directory,
    home,
    remotes: at('one', 'remotes'),
    vmFiles: at('one', 'vms'),
    socket: at('controller.sock'),
    adminPki: at('pki', 'admin'),
    hosts: Object.fromEntries(hosts.map((host) => [host.name, host])) as Record<HostName, HostFiles>,
    controller: { config: at('etc', 'controller.yaml'), log: at('log', 'controller.log'), stateDirectory: at('state', 'controller') },
  };

  async function makeHost(name: HostName, index: number): Promise<HostFiles> {
    const address = `127.0.0.1:${ports.control[index] ?? 0}`;
    const frontEnd = name === 'frontend';
    const host: HostFiles = {
      name,
      address,
      datastores: frontEnd ? at('one', 'datastores') : at(name, 'datastores'),
      stateDirectory: at('state', name),
      socket: at(`${name}.sock`),
      pki: at('pki', name),
      config: at('etc', `${name}.yaml`),
      log: at('log', `${name}.log`),
    };
    await mkdir(host.datastores, { recursive: true });
    // A machine id for each: the three daemons must take each other for different machines.
    const machineId = `${index + 1}`.padStart(32, 'a');
    await issueCertificate(at('pki', 'authority'), { role: 'agent', hostName: name, machineId, addresses: ['127.0.0.1'] }, host.pki);
    const config = {
      pki: host.pki,
      listen: address,
      advertise: address,
      datastores: host.datastores,
      vm_files: frontEnd ? at('one', 'vms') : at(name, 'vms'),
      state_directory: host.stateDirectory,
      socket: host.socket,
      data_ports: ports.data[index],
      // As `onehost sync` has just brought them.
      remotes: at('one', 'remotes'),
      metrics: 'off',
      log_level: 'debug',
      ...agentOptions,
    };
    await writeFile(host.config, stringify(config));
    return host;
  }
}

/** Keys of a host's agent.yaml, in place of those it has. */
export async function changeAgentConfig({ config }: HostFiles, options: Readonly<Record<string, unknown>>): Promise<void> {
  await writeFile(config, stringify({ ...parse(await readFile(config, 'utf8')), ...options }));
}

export interface ControllerSettings {
  readonly endpoint: string;
  readonly version: '6.10' | '7';
  readonly options?: Readonly<Record<string, unknown>>;
}

export async function writeControllerConfig(site: Site, settings: ControllerSettings): Promise<void> {
  const hosts = Object.fromEntries(Object.values(site.hosts).map((host) => [host.name, { address: host.address }]));
  const config = {
    socket: site.socket,
    pki: path.join(site.directory, 'pki', 'controller'),
    state_directory: site.controller.stateDirectory,
    datastores: site.hosts.frontend.datastores,
    vm_files: site.vmFiles,
    front_end: { names: ['frontend'], address: site.hosts.frontend.address },
    hosts,
    opennebula: {
      endpoint: settings.endpoint,
      auth_file: path.join(site.home, 'one_auth'),
      server_auth_file: path.join(site.home, 'onegate_auth'),
      version: settings.version,
    },
    // Tests look at the hosts' trees; the one that is about markers turns it on.
    mark_datastores_seconds: 0,
    metrics: 'off',
    log_level: 'debug',
    ...settings.options,
  };
  await writeFile(site.controller.config, stringify(config));
}

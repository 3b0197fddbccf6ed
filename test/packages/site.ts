import { chownSync, cpSync, lstatSync, mkdirSync, readdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { join, relative } from 'node:path';
import { parse, stringify } from 'yaml';
import type { OperationRecord } from '../../runtime/operations/types.ts';
import { getJson, type LifeCluster } from '../lab/cluster.ts';
import { processesOf, temporaryNames, tree } from '../lab/leftovers.ts';
import { emptyModel } from '../lab/models.ts';
import { type StandIn, startStandIn } from '../lab/opennebula/stand-in.ts';
import { type PortBlock, reservePorts } from '../lab/ports.ts';
import { HOSTS, type HostName, makeSite, SESSION, type Site, writeControllerConfig } from '../lab/site.ts';
import { Machine } from './machine.ts';
import { walk } from './walk.ts';

/** Number of oneadmin, as the packages make it. */
const ONEADMIN = 9869;
const REMOTES = '/var/lib/one/remotes';
const SOCKET = '/run/onestorage/controller.sock';

/**
 * The lab's site on machines of its own: three that are booted from a clean Debian with the packages installed, daemons started by systemd, shims
 * run inside the front-end as oneadmin. They share the network of the test, where the stand-in of OpenNebula is; the site's directory is at the same
 * place everywhere, so that the test sees what each host has on its disks.
 */
export class PackagedSite implements LifeCluster {
  readonly site: Site;
  readonly one: StandIn;
  readonly machines: Readonly<Record<HostName, Machine>>;
  readonly #ports: PortBlock;
  /** How it came to be: what was typed, and what was printed. */
  transcript = '';

  private constructor(site: Site, one: StandIn, machines: Readonly<Record<HostName, Machine>>, ports: PortBlock) {
    this.site = site;
    this.one = one;
    this.machines = machines;
    this.#ports = ports;
  }

  /** `debs`: packages of agent and controller; hosts get the agent alone. */
  static async start(baseRoot: string, debs: { readonly agent: string; readonly controller: string }): Promise<PackagedSite> {
    // One more, for hosts that join.
    const ports = await reservePorts(HOSTS.length + 1);
    const site = await makeSite(ports);
    const booted = await Promise.all(
      HOSTS.map(async (name) => [name, await Machine.boot(name, { baseRoot, binds: [site.directory] })] as const),
    );
    const machines = Object.fromEntries(booted) as Record<HostName, Machine>;
    const model = emptyModel({ datastoreLocation: `${site.home}//datastores`, vmFiles: site.vmFiles });
    const environment = { ONE_AUTH: join(site.home, 'one_auth') };
    const one = await startStandIn({
      model,
      session: SESSION,
      site: { remotes: site.remotes, directory: site.home, version: '7', environment },
    });
    const result = new PackagedSite(site, one, machines, ports);
    try {
      await writeControllerConfig(site, { endpoint: one.endpoint.url, version: '7' });
      await Promise.all(HOSTS.map((name) => install(machines[name], name === 'frontend' ? [debs.agent, debs.controller] : [debs.agent])));
      result.transcript = await walk(result, (name) => result.#configure(name, ports.control.at(-1) ?? 0));
      result.#enterShims();
      return result;
    } catch (thrown) {
      const journals = await result.journals();
      await result.stop();
      throw new Error(journals, { cause: thrown });
    }
  }

  agent(name: HostName) {
    return this.site.hosts[name];
  }

  async operations(): Promise<readonly OperationRecord[]> {
    const socket = `/proc/${this.machines.frontend.leader}/root${SOCKET}`;
    return ((await getJson(socket, '/v1/operations?all=1')) as { operations: readonly OperationRecord[] }).operations;
  }

  leftovers(): string[] {
    const processes = processesOf(this.site.directory).filter(({ command }) => !command.includes('systemd-nspawn'));
    const names = HOSTS.flatMap((host) => temporaryNames(this.agent(host).datastores).map((name) => `${host}: ${name}`));
    return [...processes.map(({ pid, command }) => `process ${pid}: ${command}`), ...names];
  }

  logs(): string {
    return '(see the journals of the machines)';
  }

  /** The end of every journal, for a failed test. */
  async journals(): Promise<string> {
    const texts = await Promise.all(HOSTS.map(async (name) => `--- ${name}\n${await this.machines[name].journal('onestorage-*')}`));
    return texts.join('\n');
  }

  async stop(): Promise<void> {
    await Promise.all([...HOSTS.map((name) => this.machines[name].stop()), this.one.stop(), this.#ports.release()]);
  }

  /** What this site has that others have not: several machines with one address, datastores at another place. */
  async #configure(name: HostName, enrolmentPort: number): Promise<void> {
    const machine = this.machines[name];
    const at = (path: string) => join(machine.root.directory, path);
    const port = this.site.hosts[name].address.split(':')[1];
    // The front-end's certificate has the names of the machine, not the address that a host is added with.
    const address = name === 'frontend' ? { advertise: `localhost:${port}` } : {};
    const { pki: _pki, state_directory: _state, socket: _socket, remotes: _remotes, ...config } = read(this.site.hosts[name].config);
    writeFileSync(at('etc/onestorage/agent.yaml'), stringify({ ...config, ...address }));
    const units = ['onestorage-agent'];
    if (name === 'frontend') {
      const { socket: _own, state_directory: _own2, pki: _own3, hosts: _hosts, ...settings } = read(this.site.controller.config);
      const listen = `127.0.0.1:${enrolmentPort}`;
      const enrolment = { authority: '/etc/onestorage/authority', listen, advertise: listen };
      const own = { pki: '/etc/onestorage/controller-pki', front_end: { names: ['frontend'], address: `localhost:${port}` }, enrolment };
      writeFileSync(at('etc/onestorage/controller.yaml'), stringify({ ...settings, ...own }));
      units.push('onestorage-controller');
    }
    const dropIn = [
      '[Service]',
      `ReadWritePaths=${this.site.directory}`,
      `Environment=ONESTORAGE_FAILPOINTS=@${this.failpoints(name)}`,
      '',
    ].join('\n');
    writeFileSync(this.failpoints(name), '');
    for (const unit of units) {
      mkdirSync(at(`etc/systemd/system/${unit}.service.d`), { recursive: true });
      writeFileSync(at(`etc/systemd/system/${unit}.service.d/site.conf`), dropIn);
    }
    own(this.site.directory);
    await machine.run('systemctl', 'daemon-reload');
  }

  /** Waits until the daemons of a machine answer. */
  async answering(name: HostName): Promise<void> {
    for (const daemon of name === 'frontend' ? ['agent', 'controller'] : ['agent']) await this.machines[name].shell(answering(daemon));
  }

  /** File with the failpoints of the agent of a host. */
  failpoints(name: HostName): string {
    return join(this.site.directory, 'etc', `${name}.failpoints`);
  }

  /** Where the stand-in runs shims, outside of the front-end, a program of the same name for each that goes in. */
  #enterShims(): void {
    const { root, leader } = this.machines.frontend;
    const enter = join(this.site.directory, 'enter');
    const words = `--target ${leader} --mount --uts --ipc --pid setpriv --reuid=${ONEADMIN} --regid=${ONEADMIN} --clear-groups`;
    writeFileSync(enter, `#!/bin/sh\nexec nsenter ${words} "${REMOTES}/\${0#${this.site.remotes}/}" "$@"\n`, { mode: 0o755 });
    const installed = join(root.directory, REMOTES);
    for (const name of tree(installed).filter((path) => /^(?:tm|datastore)\/[^/]+\/[^/]+$/.test(path))) {
      mkdirSync(join(this.site.remotes, name, '..'), { recursive: true });
      symlinkSync(enter, join(this.site.remotes, name));
    }
  }
}

/** Puts packages into a machine and installs them, or their upgrade. */
export async function install(machine: Machine, debs: readonly string[]): Promise<void> {
  for (const deb of debs) cpSync(deb, join(machine.root.directory, 'root', relative(join(deb, '..'), deb)));
  await machine.run('dpkg', '--install', ...debs.map((deb) => `/root/${relative(join(deb, '..'), deb)}`));
}

function answering(daemon: string): string {
  const socket = `/run/onestorage/${daemon}.sock`;
  return `tries=0; until curl -s --unix-socket ${socket} -o /dev/null http://onestorage/v1/health; do tries=$((tries + 1)); [ $tries -lt 600 ] || exit 1; sleep 0.2; done`;
}

/** Gives a tree to oneadmin. */
export function own(path: string): void {
  const found = lstatSync(path);
  if (found.isSymbolicLink()) return;
  chownSync(path, ONEADMIN, ONEADMIN);
  if (found.isDirectory()) for (const name of readdirSync(path)) own(join(path, name));
}

function read(file: string): Record<string, unknown> {
  return parse(readFileSync(file, 'utf8')) as Record<string, unknown>;
}

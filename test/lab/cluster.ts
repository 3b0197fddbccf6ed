import { readdirSync } from 'node:fs';
import { rm, writeFile } from 'node:fs/promises';
import { request } from 'node:http';
import os from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import type { OperationRecord } from '../../runtime/operations/types.ts';
import { processesOf, temporaryNames } from './leftovers.ts';
import { emptyModel } from './models.ts';
import { type Monitord, startMonitord } from './monitord.ts';
import { type StandIn, startStandIn } from './opennebula/stand-in.ts';
import { type PortBlock, reservePorts } from './ports.ts';
import { Daemon, type DaemonOptions, tail } from './process.ts';
import { changeAgentConfig, HOSTS, type HostFiles, type HostName, makeSite, SESSION, type Site, writeControllerConfig } from './site.ts';
import { tool } from './tools.ts';

const ONESTORAGE = fileURLToPath(new URL('../../packaging/onestorage', import.meta.url));

export interface ClusterOptions {
  /** Failpoints of the daemons from their first start on; an empty object lets tests arm them later. */
  readonly failpoints?: Partial<Record<HostName | 'controller', string>>;
  /** Keys added to every agent.yaml. */
  readonly agentOptions?: Readonly<Record<string, unknown>>;
  /** Keys added to controller.yaml. */
  readonly controllerOptions?: Readonly<Record<string, unknown>>;
  readonly version?: '6.10' | '7';
  /** Hosts that are more than a directory: called when the site's files are there, before any agent starts. */
  readonly furnish?: (site: Site) => Promise<Partial<Record<HostName, Room>>>;
  /** Added to oned's environment. */
  readonly environment?: Readonly<Record<string, string>>;
}

/** A place of its own for the agent of a host. */
export interface Room {
  /** Words before a command that is to run there. */
  readonly enter: readonly string[];
  /** Keys of its agent.yaml that differ there. */
  readonly options: Readonly<Record<string, unknown>>;
}

/** A daemon that a test may kill and start again, maybe with failpoints. */
export interface DaemonHandle {
  readonly log: string;
  readonly pid: number | undefined;
  readonly exited: Promise<number | string>;
  kill(signal: NodeJS.Signals): Promise<void>;
  /** Failpoints from now on, in place of those before; needs `failpoints` in the cluster's options. */
  arm(failpoints: string): Promise<void>;
  /** Starts a daemon that is down, without failpoints, or with other ones. */
  start(failpoints?: string): Promise<void>;
  /** Stops it politely, when it runs, and starts it again, without failpoints. */
  restart(): Promise<void>;
}

export interface AgentHandle extends DaemonHandle, HostFiles {}

/** What the life of a virtual machine needs of a site, whoever made it. */
export interface LifeCluster {
  readonly site: Site;
  readonly one: StandIn;
  agent(name: HostName): HostFiles;
  operations(): Promise<readonly OperationRecord[]>;
  leftovers(): string[];
  logs(): string;
}

/** Controller, three agents, link farm, stand-in of OpenNebula and a listener for monitoring, on the loopback of one machine. */
export class Cluster implements LifeCluster {
  readonly site: Site;
  readonly one: StandIn;
  readonly monitord: Monitord;
  readonly controller: DaemonHandle;
  readonly #agents: Readonly<Record<HostName, AgentHandle>>;
  readonly #daemons: readonly Daemon[];
  readonly #ports: PortBlock;

  constructor(parts: {
    site: Site;
    one: StandIn;
    monitord: Monitord;
    ports: PortBlock;
    controller: Daemon;
    agents: Record<HostName, Daemon>;
  }) {
    this.site = parts.site;
    this.one = parts.one;
    this.monitord = parts.monitord;
    this.#ports = parts.ports;
    this.controller = handleOf(parts.controller);
    const agents = HOSTS.map((name) => [name, Object.assign(handleOf(parts.agents[name]), parts.site.hosts[name])] as const);
    this.#agents = Object.fromEntries(agents) as Record<HostName, AgentHandle>;
    this.#daemons = [parts.controller, ...Object.values(parts.agents)];
  }

  /** `<remotes>`: tm/<driver>/<action>, datastore/<driver>/<action>. */
  get shims(): string {
    return this.site.remotes;
  }

  agent(name: HostName): AgentHandle {
    return this.#agents[name];
  }

  /** Runs `onestorage` as an admin on the front-end would; gives what it printed. */
  onestorage(...argv: readonly string[]): Promise<string> {
    return tool(ONESTORAGE, ...argv);
  }

  /** The controller's records, as its socket gives them; finished ones too, unless only those under way are asked for. */
  async operations(all = true): Promise<readonly OperationRecord[]> {
    const answer = await getJson(this.site.socket, `/v1/operations${all ? '?all=1' : ''}`);
    return (answer as { operations: readonly OperationRecord[] }).operations;
  }

  /** What an action must not leave behind anywhere: programs and temporary names. */
  leftovers(): string[] {
    const daemons = this.#daemons.map((daemon) => daemon.pid);
    const processes = processesOf(this.site.directory, daemons).map(({ pid, command }) => `process ${pid}: ${command}`);
    const names = HOSTS.flatMap((host) => temporaryNames(this.#agents[host].datastores).map((name) => `${host}: ${name}`));
    return [...processes, ...names];
  }

  /** The last lines of every log, for a failed test. */
  logs(lines = 30): string {
    const directory = path.join(this.site.directory, 'log');
    return readdirSync(directory)
      .map((name) => `--- ${name}\n${tail(path.join(directory, name), lines)}`)
      .join('\n');
  }

  async stop(): Promise<void> {
    await Promise.all(this.#daemons.map((daemon) => daemon.stop()));
    await Promise.all([this.one.stop(), this.monitord.stop(), this.#ports.release()]);
    // What a killed agent left running has nobody to end it any more.
    for (const { pid } of processesOf(this.site.directory)) end(pid);
    await rm(this.site.directory, { recursive: true, force: true });
  }
}

export async function startCluster(options: ClusterOptions = {}): Promise<Cluster> {
  const ports = await reservePorts(HOSTS.length);
  const site = await makeSite(ports, options.agentOptions);
  const monitord = await startMonitord();
  const version = options.version ?? '7';
  // oned writes the location with a double slash, and so does the lab.
  const datastoreLocation = `${site.home}//datastores`;
  const model = emptyModel({ datastoreLocation, vmFiles: site.vmFiles });
  const environment = { ONESTORAGE_SOCKET: site.socket, ONE_AUTH: path.join(site.home, 'one_auth'), ...options.environment };
  const madSite = { remotes: site.remotes, directory: site.home, version, environment };
  const one = await startStandIn({ model, session: SESSION, site: madSite });
  await writeControllerConfig(site, { endpoint: one.endpoint.url, version, ...given('options', options.controllerOptions) });
  const points = (name: string) =>
    options.failpoints === undefined
      ? {}
      : {
          ONESTORAGE_FAILPOINTS: `@${site.directory}/etc/${name}.failpoints`,
          ONESTORAGE_FAILPOINTS_TRACE: `${site.directory}/etc/${name}.trace`,
        };
  const isReady = /"msg":"agent ready"/;
  const rooms = (await options.furnish?.(site)) ?? {};
  for (const name of HOSTS) if (rooms[name] !== undefined) await changeAgentConfig(site.hosts[name], rooms[name].options);
  const agents = Object.fromEntries(HOSTS.map((name) => [name, daemon('agent', name, site.hosts[name], isReady, points(name))]));
  const answers = () => getJson(site.socket, '/v1/health').then(() => true);
  const controller = daemon('controller', 'controller', site.controller, answers, points('controller'));
  const cluster = new Cluster({ site, one, monitord, ports, controller, agents: agents as Record<HostName, Daemon> });
  try {
    await tool(ONESTORAGE, 'shims', 'install', site.remotes);
    for (const name of [...HOSTS, 'controller'] as const) {
      if (options.failpoints !== undefined) await writeFile(`${site.directory}/etc/${name}.failpoints`, options.failpoints[name] ?? '');
    }
    await Promise.all([controller, ...Object.values(agents)].map((one) => one.start()));
    return cluster;
  } catch (thrown) {
    await cluster.stop();
    throw thrown;
  }

  function daemon(
    command: 'agent' | 'controller',
    name: string,
    files: { readonly config: string; readonly log: string },
    ready: DaemonOptions['ready'],
    more: Readonly<Record<string, string>>,
  ): Daemon {
    const environment = {
      PATH: process.env['PATH'] ?? '',
      HOME: site.home,
      LANG: 'C.UTF-8',
      // Compiled code outlives the site: the next lab starts twice as fast.
      XDG_CACHE_HOME: process.env['XDG_CACHE_HOME'] ?? path.join(os.homedir(), '.cache'),
      ...more,
    };
    const [program = '', ...argv] = [...(rooms[name as HostName]?.enter ?? []), ONESTORAGE, command, '--config', files.config];
    return new Daemon({ name, program, argv, environment, logFile: files.log, ready });
  }
}

function handleOf(of: Daemon): DaemonHandle {
  const points = of.options.environment['ONESTORAGE_FAILPOINTS']?.slice(1);
  const arm = async (text: string) => {
    if (points !== undefined) await writeFile(points, text);
    else if (text !== '') throw new Error('give failpoints: {} to startCluster: its daemons cannot be armed');
  };
  return {
    log: of.options.logFile,
    get pid() {
      return of.pid;
    },
    get exited() {
      return of.exited;
    },
    arm,
    kill: (signal) => of.kill(signal),
    start: (failpoints = '') => arm(failpoints).then(() => of.start()),
    restart: () => arm('').then(() => of.restart()),
  };
}

function given<K extends string, V>(key: K, value: V | undefined): { [P in K]?: V } {
  return value === undefined ? {} : ({ [key]: value } as { [P in K]?: V });
}

/** What a daemon answers on its socket. */
export function getJson(socketPath: string, target: string): Promise<unknown> {
  return new Promise((resolve, reject) => {
    const call = request({ socketPath, path: target }, (response) => {
      let text = '';
      response.setEncoding('utf8');
      response.on('data', (chunk: string) => {
        text += chunk;
      });
      response.on('end', () => {
        try {
          resolve(JSON.parse(text));
        } catch (thrown) {
          reject(new Error(`${target}: not JSON: ${text.slice(0, 200)}`, { cause: thrown }));
        }
      });
    });
    call.once('error', reject);
    call.end();
  });
}

function end(pid: number): void {
  try {
    process.kill(pid, 'SIGKILL');
  } catch {
    // it ended by itself
  }
}

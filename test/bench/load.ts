import { type ChildProcess, spawn } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { readFile, writeFile } from 'node:fs/promises';
import { request } from 'node:http';
import path from 'node:path';
import { createInterface } from 'node:readline';
import { text } from 'node:stream/consumers';
import { parse, stringify } from 'yaml';
import { askController } from '../../controller/cli/controller-socket.ts';
import type { HostLook } from '../../controller/looks/hosts.ts';
import { listen } from '../helpers/monitord.ts';
import { type Cluster, startCluster } from '../lab/cluster.ts';
import { addDatastores, addVm, volatileDisk } from '../lab/models.ts';
import { measureDaemons, quantile } from './daemon-cost.ts';

/** What one controller and one agent cost as work grows: actions at once, and agents that report. */

export interface LoadRow {
  readonly case: 'actions at once' | 'agents reporting';
  readonly level: number;
  readonly samples: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
  /** Of the controller, for one action or one look at all hosts. */
  readonly controllerCpuMs: number;
  readonly controllerMib: number;
  /** Of the agent of the host, programs included; of all agents together, for one look. */
  readonly agentCpuMs: number;
  /** Of the one agent; NaN where many share a process. */
  readonly agentMib: number;
}

const SMALLEST_SAMPLE = 20;
const LOOKS = 10;

export async function runLoad(
  actions: readonly number[],
  agents: readonly number[],
  say: (text: string) => void,
): Promise<readonly LoadRow[]> {
  const quiet = { log_level: 'info' };
  const cluster = await startCluster({ agentOptions: quiet, controllerOptions: quiet });
  try {
    addDatastores(cluster.one.model);
    const rows: LoadRow[] = [];
    for (const level of actions) {
      say(`${level} actions at once`);
      rows.push(await actionsAtOnce(cluster, level));
    }
    for (const level of agents) {
      say(`${level} agents`);
      rows.push(await agentsReporting(cluster, level));
    }
    return rows;
  } finally {
    await cluster.stop();
  }
}

let machines = 10_000;

/** Volatile disks of 1 MiB on one host: a whole action, with hardly a byte of data. Called on the controller's socket, as a shim calls. */
async function actionsAtOnce(cluster: Cluster, level: number): Promise<LoadRow> {
  const pids = [pidOf(cluster.controller.pid), pidOf(cluster.agent('host01').pid)];
  const rounds = Math.max(1, Math.ceil((2 * SMALLEST_SAMPLE) / level));
  const location = cluster.one.model.datastoreLocation;
  const one = async (): Promise<number> => {
    const id = ++machines;
    addVm(cluster.one.model, { id, disks: [volatileDisk({ id: 0, kind: 'fs', sizeMb: 1 })], host: 'host01' });
    const began = performance.now();
    await callAction(cluster.site.socket, 'mkimage', ['1', 'raw', `host01:${location}/107/${id}/disk.0`, String(id), '107']);
    return performance.now() - began;
  };
  await one();
  const { result, cpuSeconds, residentMib } = await measureDaemons(pids, async () => {
    const times: number[] = [];
    for (let round = 0; round < rounds; round += 1) times.push(...(await Promise.all(Array.from({ length: level }, one))));
    return times;
  });
  const [controller = Number.NaN, agent = Number.NaN] = cpuSeconds.map((seconds) => (1000 * seconds) / result.length);
  return {
    case: 'actions at once',
    level,
    samples: result.length,
    p50Ms: quantile(result, 0.5),
    p99Ms: quantile(result, 0.99),
    controllerCpuMs: controller,
    controllerMib: residentMib[0] ?? Number.NaN,
    agentCpuMs: agent,
    agentMib: residentMib[1] ?? Number.NaN,
  };
}

/** So many agents, all of which tell onemonitord the sizes of disks every 30 s, while the controller is asked again and again what all hosts do. */
async function agentsReporting(cluster: Cluster, level: number): Promise<LoadRow> {
  const monitord = await listen();
  const { child, ports } = await startAgents(cluster, level, monitord.port);
  try {
    await configureHosts(cluster, ports);
    let silent: readonly HostLook[] = [];
    const look = async (): Promise<number> => {
      const began = performance.now();
      const { hosts } = (await askController(cluster.site.socket, 'GET', '/v1/hosts')) as { hosts: readonly HostLook[] };
      silent = hosts.filter(({ agent }) => agent === undefined);
      return silent.length === 0 ? performance.now() - began : Number.NaN;
    };
    // The first looks make the connections.
    for (let tries = 0; Number.isNaN(await look()) || monitord.receiver.vms.size === 0; tries += 1) {
      if (tries > 20) throw new Error(`${silent.length} of ${level} agents do not answer: ${silent[0]?.failure?.message}`);
    }
    const { result, cpuSeconds, residentMib } = await measureDaemons([pidOf(cluster.controller.pid), pidOf(child.pid)], async () => {
      const times: number[] = [];
      for (let round = 0; round < LOOKS; round += 1) times.push(await look());
      return times.filter((time) => !Number.isNaN(time));
    });
    const [controller = Number.NaN, agents = Number.NaN] = cpuSeconds.map((seconds) => (1000 * seconds) / LOOKS);
    return {
      case: 'agents reporting',
      level,
      samples: result.length,
      p50Ms: quantile(result, 0.5),
      p99Ms: quantile(result, 0.99),
      controllerCpuMs: controller,
      controllerMib: residentMib[0] ?? Number.NaN,
      agentCpuMs: agents,
      agentMib: Number.NaN,
    };
  } finally {
    child.kill('SIGKILL');
    await monitord.stop();
  }
}

async function startAgents(cluster: Cluster, level: number, port: number): Promise<{ child: ChildProcess; ports: readonly number[] }> {
  const program = path.join(import.meta.dirname, 'load-agents.ts');
  const directory = path.join(cluster.site.directory, `load${level}`);
  const words = ['--disable-warning=ExperimentalWarning', program, directory, path.join(cluster.site.directory, 'pki', 'authority')];
  const child = spawn(process.execPath, [...words, String(level), String(port)], { stdio: ['pipe', 'pipe', 'inherit'] });
  const [line] = (await Promise.race([
    once(createInterface({ input: child.stdout }), 'line'),
    once(child, 'exit').then(([code]) => Promise.reject(new Error(`the agents ended with ${code}`))),
  ])) as [string];
  return { child, ports: JSON.parse(line) as number[] };
}

async function configureHosts(cluster: Cluster, ports: readonly number[]): Promise<void> {
  const { config } = cluster.site.controller;
  const before: Record<string, unknown> = parse(await readFile(config, 'utf8'));
  const hosts = Object.fromEntries(ports.map((port, index) => [`load${String(index).padStart(3, '0')}`, { address: `127.0.0.1:${port}` }]));
  await writeFile(config, stringify({ ...before, hosts }));
  await cluster.controller.restart();
}

async function callAction(socketPath: string, action: string, argv: readonly string[]): Promise<void> {
  const form = new FormData();
  for (const word of argv) form.append('argv', word);
  form.append('stdin', '');
  const encoded = new Response(form);
  const headers = { 'content-type': encoded.headers.get('content-type') ?? '', 'idempotency-key': randomUUID() };
  const call = request({ socketPath, method: 'POST', path: `/v1/actions/tm/agent_local/${action}`, headers, agent: false });
  call.end(Buffer.from(await encoded.arrayBuffer()));
  const [response] = await once(call, 'response');
  const records = await text(response);
  if (!/^X0$/m.test(records)) throw new Error(`${action} failed: ${records}`);
}

function pidOf(pid: number | undefined): number {
  if (pid === undefined) throw new Error('the daemon does not run');
  return pid;
}

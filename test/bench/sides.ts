import { mkdir, rm } from 'node:fs/promises';
import path from 'node:path';
import type { Cluster } from '../lab/cluster.ts';
import { tool } from '../lab/tools.ts';
import { type Account, openAccount } from './account.ts';
import { runName } from './isolate.ts';
import { type Measured, measureScript } from './measure.ts';
import { startSsh } from './ssh.ts';

/** The two sides on one lab site: the shims with their daemons, and the stock way with its sshd. Each has its account of processor time. */
export interface Bench {
  readonly cluster: Cluster;
  readonly rounds: number;
  /** Where the stock side writes; another directory of the same file system. */
  readonly stockDatastores: string;
  ours(lines: readonly string[]): Promise<Measured>;
  stock(lines: readonly string[], connection: Connection): Promise<Measured>;
  /** Ends the stock side. */
  stop(): Promise<void>;
}

/** `fresh`: every session connects and authenticates by itself. `shared`: all go through one connection that is open already. */
export type Connection = 'fresh' | 'shared';

const STOCK = path.join(import.meta.dirname, 'stock');

/** `ours`: the account of the shims and daemons, from now on. */
export async function openBench(cluster: Cluster, ours: Account, rounds: number): Promise<Bench> {
  await checkRuby();
  const stock = openAccount(runName(), 'stock');
  const { site, one } = cluster;
  for (const daemon of [cluster.controller, ...(['frontend', 'host01', 'host02'] as const).map((name) => cluster.agent(name))])
    ours.add(daemon.pid);
  const ssh = await startSsh(path.join(site.directory, 'ssh'), stock);
  const stockDatastores = path.join(site.directory, 'stock', 'datastores');
  await mkdir(stockDatastores, { recursive: true });
  const environment = (connection: Connection) => ({
    ...one.site.environment,
    PATH: `${STOCK}:${one.site.environment['PATH'] ?? ''}`,
    XPATH: path.join(STOCK, 'xpath.rb'),
    SSH: `ssh -F ${ssh[connection]}`,
    SSH_FWD: `ssh -F ${ssh[connection]} -o ForwardAgent=yes -o ControlMaster=no -o ControlPath=none`,
  });
  return {
    cluster,
    rounds,
    stockDatastores,
    ours: (lines) => measureScript(ours, lines.join('\n'), { ...one.site.environment }),
    stock: (lines, connection) => measureScript(stock, lines.join('\n'), environment(connection)),
    stop: async () => {
      await ssh.stop();
      await stock.close();
    },
  };
}

/** Distributions cut Ruby's library into packages; half of it would be measured as a quick failure. */
async function checkRuby(): Promise<void> {
  try {
    await tool('ruby', '-rrexml/document', '-ropenssl', '-rnet/http', '-rgetoptlong', '-rbase64', '-e', '0');
  } catch (thrown) {
    throw new Error('ruby is missing, or its rexml, getoptlong or base64 (Fedora: rubygem-rexml, ruby-bundled-gems)', { cause: thrown });
  }
}

/** A line of a transfer script as one_tm runs it: a word for the action, no input. */
export function shimLine(cluster: Cluster, action: string, words: readonly (string | number)[]): string {
  return `'${cluster.shims}/tm/agent_local/${action}' ${quote(words)} </dev/null`;
}

export function stockLine(action: string, words: readonly (string | number)[]): string {
  return `'${STOCK}/${action}' ${quote(words)} </dev/null`;
}

/** One ssh session of the data path alone: a script for bash on the host. */
export function sessionLine(host: string, script: string): string {
  return `$SSH ${host} bash -s <<'END'\n${script}\nEND`;
}

function quote(words: readonly (string | number)[]): string {
  return words.map((word) => `'${word}'`).join(' ');
}

export async function removeAll(directories: readonly string[]): Promise<void> {
  await Promise.all(directories.map((directory) => rm(directory, { recursive: true, force: true })));
}

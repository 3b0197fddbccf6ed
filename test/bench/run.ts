import { cpus } from 'node:os';
import path from 'node:path';
import { parseArgs } from 'node:util';
import { startCluster } from '../lab/cluster.ts';
import { type CaseResult, CLONES, localCopy, runClone, runSmall } from './cases.ts';
import type { Measured } from './measure.ts';
import { startSsh } from './ssh.ts';

/** `npm run bench -- [--rounds N] [--json]`: the shims against tar through ssh, on this machine. */

const SMALL_ACTIONS = 20;

async function main(rounds: number, json: boolean): Promise<void> {
  const say = (text: string) => void (json ? process.stderr : process.stdout).write(`${text}\n`);
  const cluster = await startCluster({ controllerOptions: { log_level: 'warn' }, agentOptions: { log_level: 'info' } });
  try {
    const ssh = await startSsh(path.join(cluster.site.directory, 'ssh'));
    try {
      const bench = { cluster, ssh, rounds };
      const results: CaseResult[] = [];
      say(`${cpus().length} processors, ${rounds} rounds, the middle one counts; seconds of wall time / of processor time\n`);
      say(`${'local copy of 1 GiB, for comparison'.padEnd(46)} ${show(await localCopy(cluster.site.directory))}`);
      const keep = (result: CaseResult) => {
        results.push(result);
        say(render(result));
      };
      keep(await runSmall(bench, SMALL_ACTIONS));
      for (const of of CLONES) keep(await runClone(bench, of));
      if (json) process.stdout.write(`${JSON.stringify(results, undefined, 2)}\n`);
    } finally {
      await ssh.stop();
    }
  } finally {
    await cluster.stop();
  }
}

function render({ name, stock, ours }: CaseResult): string {
  const share = `${(ours.seconds / stock.seconds).toFixed(2)} / ${(ours.cpuSeconds / stock.cpuSeconds).toFixed(2)}`;
  return `${name.padEnd(46)} tar through ssh ${show(stock)}   onestorage ${show(ours)}   share ${share}`;
}

function show({ seconds, cpuSeconds }: Measured): string {
  return `${seconds.toFixed(2).padStart(6)} / ${cpuSeconds.toFixed(2).padStart(6)}`;
}

const { values } = parseArgs({ options: { rounds: { type: 'string', default: '3' }, json: { type: 'boolean', default: false } } });
await main(Math.max(1, Number(values.rounds) || 1), values.json);

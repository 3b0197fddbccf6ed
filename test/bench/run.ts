import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { cpus, loadavg, release, tmpdir } from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { startCluster } from '../lab/cluster.ts';
import { addDatastores } from '../lab/models.ts';
import { openAccount } from './account.ts';
import { runActions } from './actions.ts';
import { runBackups } from './backups.ts';
import { runClones } from './clones.ts';
import { isolated, runIsolated, runName } from './isolate.ts';
import { runLoad } from './load.ts';
import { loadMarkdown, loadPlot, loadTable } from './load-report.ts';
import { runMemory } from './memory.ts';
import { openBench } from './sides.ts';
import { MACHINE_CPU, type Row, renderMarkdown, renderTable } from './table.ts';

/** Of other work on this machine: what it is with the load says nothing. */
const loadBefore = loadavg()[0]?.toFixed(1);

/** `npm run bench`: the shims against the way of the stock ssh driver, on this machine. A target that is missed is no error. */

const USAGE = `usage: npm run bench -- [--rounds N] [--actions N] [--scale X] [--only TEXT] [--check] [--json] [--markdown FILE]
  --rounds N       how often each side runs; medians count (3)
  --actions N      calls of a no-data action a round (8)
  --scale X        sizes of the images, as a share of the real ones (1)
  --only TEXT      only cases whose name has this text; 'memory' is one
  --check          show the processor time of the whole machine, too: about the same on a quiet one
  --json           the rows as JSON on standard output
  --markdown FILE  the table as a file, too
  --load-report DIRECTORY  what a growing load costs as load.md and load.svg, too; --only load measures that alone
`;

interface Options {
  readonly rounds: number;
  readonly actions: number;
  readonly scale: number;
  readonly only: string;
  readonly check: boolean;
  readonly json: boolean;
  readonly markdown: string | undefined;
  readonly loadReport: string | undefined;
}

async function main(options: Options): Promise<void> {
  const say = (text: string) => void (options.json ? process.stderr : process.stdout).write(`${text}\n`);
  const facts = await describe(options);
  for (const fact of facts) say(fact);
  const wanted = (name: string) => name.includes(options.only);
  if (options.only === 'load') return await load(options, facts, say);
  const shown = ({ metric }: Row) => options.check || metric !== MACHINE_CPU;
  const rows: Row[] = [];
  const keep = (found: readonly Row[]) => {
    rows.push(...found);
    say(`\n${renderTable(found.filter(shown))}`);
  };
  // The backup server's; agents are told of its configuration before it is there.
  const directory = await mkdtemp(path.join(tmpdir(), 'ones-bench-ssh-'));
  const agentOptions = { log_level: 'info', ssh_config: path.join(directory, 'fresh') };
  const cluster = await startCluster({ controllerOptions: { log_level: 'info' }, agentOptions });
  const account = openAccount(runName(), 'ours');
  try {
    addDatastores(cluster.one.model);
    const bench = await openBench(cluster, account, options.rounds);
    try {
      for await (const found of runActions(bench, options.actions, wanted)) keep(found);
      for await (const found of runClones(bench, options.scale, wanted)) keep(found);
      for await (const found of runBackups(bench, { directory, account }, options.scale, wanted)) keep(found);
    } finally {
      await bench.stop();
    }
  } finally {
    await cluster.stop();
    await account.close();
    await rm(directory, { recursive: true, force: true });
  }
  if (wanted('memory')) keep(await runMemory());
  if (options.only === '') await load(options, facts, say);
  const judged = rows.filter(({ met }) => met !== undefined);
  say(`\n${judged.filter(({ met }) => met === true).length} of ${judged.length} targets met`);
  if (options.json) process.stdout.write(`${JSON.stringify({ facts, rows }, undefined, 2)}\n`);
  if (options.markdown !== undefined) await writeFile(options.markdown, renderMarkdown(rows.filter(shown), facts));
}

async function load({ loadReport, json }: Options, facts: readonly string[], say: (text: string) => void): Promise<void> {
  const rows = await runLoad([1, 15, 100], [1, 30, 300], say);
  say(`\n${loadTable(rows)}`);
  if (json) process.stdout.write(`${JSON.stringify({ facts, load: rows }, undefined, 2)}\n`);
  if (loadReport === undefined) return;
  await writeFile(path.join(loadReport, 'load.md'), loadMarkdown(rows, [facts[0] ?? '', `load average before: ${loadBefore}`]));
  await writeFile(path.join(loadReport, 'load.svg'), loadPlot(rows));
}

async function describe({ rounds, actions, scale }: Options): Promise<string[]> {
  const probe = openAccount(runName(), 'probe');
  await probe.close();
  return [
    `${cpus().length} × ${cpus()[0]?.model ?? 'processor'}, Linux ${release()}, Node ${process.version}`,
    `${rounds} rounds, ${actions} calls of an action a round, images × ${scale}; medians`,
    probe.join === undefined
      ? 'processor time: the whole machine, because no cgroup can be made (not root); right only on a quiet machine'
      : 'processor time: of each side by itself, by cgroup',
    isolated ? 'bytes and tasks: counted in namespaces of the bench' : 'bytes and tasks: not counted, that takes namespaces (root)',
  ];
}

function readOptions(): Options {
  const text = { type: 'string' } as const;
  const flag = { type: 'boolean', default: false } as const;
  const { values } = parseArgs({
    options: {
      rounds: text,
      actions: text,
      scale: text,
      only: text,
      markdown: text,
      'load-report': text,
      json: flag,
      check: flag,
      help: { ...flag, short: 'h' },
    },
  });
  if (values.help) {
    process.stdout.write(USAGE);
    process.exit(0);
  }
  const number = (name: 'rounds' | 'actions' | 'scale', otherwise: number, least: number) => {
    const value = Number(values[name] ?? otherwise);
    if (!(value >= least)) throw new Error(`--${name} ${values[name]}: a number from ${least} on`);
    return value;
  };
  return {
    rounds: Math.floor(number('rounds', 3, 1)),
    actions: Math.floor(number('actions', 8, 1)),
    scale: number('scale', 1, 0.01),
    only: values.only ?? '',
    check: values.check,
    json: values.json,
    markdown: values.markdown,
    loadReport: values['load-report'],
  };
}

function optionsOrLeave(): Options {
  try {
    return readOptions();
  } catch (thrown) {
    process.stderr.write(`bench: ${thrown instanceof Error ? thrown.message : String(thrown)}\n${USAGE}`);
    process.exit(2);
  }
}

const options = optionsOrLeave();
const code = await runIsolated(fileURLToPath(import.meta.url), process.argv.slice(2));
if (code === undefined) await main(options);
else process.exitCode = code;

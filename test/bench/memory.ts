import { readFileSync } from 'node:fs';
import { mkdir } from 'node:fs/promises';
import path from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { type Cluster, startCluster } from '../lab/cluster.ts';
import { processesOf } from '../lab/leftovers.ts';
import { addDatastores, addVm, imageDisk } from '../lab/models.ts';
import { makeRaw } from '../lab/origins.ts';
import { tool } from '../lab/tools.ts';
import { prolog } from '../lab/transfer-scripts.ts';
import { atMost, type Row } from './table.ts';

/** Resident memory of the daemons while 15 disks are on their way at once, which a limit of bandwidth makes sure of. */

const TRANSFERS = 15;
const LIMIT_MIB = 128;
const SAMPLE_MS = 200;
/** 8 s of overlap, at what two processors can do. */
const SIZE_MB = 64;
const MIB_A_SECOND = 8;

export async function runMemory(): Promise<Row[]> {
  const cluster = await startCluster({
    controllerOptions: { log_level: 'info', bandwidth: { deploy: MIB_A_SECOND } },
    agentOptions: { log_level: 'info' },
  });
  try {
    return await measureMemory(cluster);
  } finally {
    await cluster.stop();
  }
}

async function measureMemory(cluster: Cluster): Promise<Row[]> {
  const { model } = cluster.one;
  addDatastores(model);
  const store = path.join(cluster.agent('frontend').datastores, '106');
  await mkdir(store, { recursive: true });
  await makeRaw(path.join(store, 'image'), SIZE_MB, 1);
  await tool('sync', path.join(store, 'image'));
  const daemons = [
    ['controller', cluster.controller],
    ['agent that sends', cluster.agent('frontend')],
    ['agent that receives', cluster.agent('host01')],
  ] as const;
  const peaks = new Map<string, number>();
  let together = 0;
  let over = false;
  const deploy = async (id: number) => {
    const disk = imageDisk({ id: 0, source: `${model.datastoreLocation}/106/image`, sizeMb: SIZE_MB });
    const [result] = await cluster.one.tm(prolog(model, addVm(model, { id, disks: [disk], host: 'host01' })));
    if (result?.exit !== 0) throw new Error(`${result?.stderr.trim()}\n${cluster.logs()}`);
  };
  const sample = async () => {
    while (!over) {
      const copies = processesOf(cluster.site.directory).filter(({ command }) => /\bnbdcopy\b/.test(command));
      together = Math.max(together, new Set(copies.map(({ pid }) => pid)).size);
      for (const [name, { pid }] of daemons) peaks.set(name, Math.max(peaks.get(name) ?? 0, residentMib(pid)));
      await delay(SAMPLE_MS);
    }
  };
  const sampling = sample();
  await Promise.all(Array.from({ length: TRANSFERS }, (_, index) => deploy(5000 + index))).finally(() => {
    over = true;
  });
  await sampling;
  const name = `${TRANSFERS} transfers (${together} seen at once)`;
  return daemons.map(([daemon]) => {
    const of = {
      case: name,
      metric: `memory, ${daemon}`,
      unit: 'MiB',
      baseline: 'limit',
      stock: LIMIT_MIB,
      ours: peaks.get(daemon) ?? Number.NaN,
    };
    return atMost({ ...of, unit: 'MiB' }, LIMIT_MIB, `≤ ${LIMIT_MIB} MiB`);
  });
}

/** The highest it ever was (VmHWM is at least VmRSS), its start included. */
function residentMib(pid: number | undefined): number {
  if (pid === undefined) return Number.NaN;
  const [, kib] = /^VmHWM:\s+(\d+) kB/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8')) ?? [];
  return Number(kib) / 1024;
}

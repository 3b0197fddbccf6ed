import { readFileSync } from 'node:fs';
import type { RecordedCall, Recording } from '../fixtures/oned/recording.ts';
import type { Cluster } from '../lab/cluster.ts';
import type { HostName } from '../lab/site.ts';

/** The recording as the lab would have made it: its paths and its hosts in place of the recorded ones. */

const HOST_OF: Readonly<Record<string, HostName>> = { node1: 'host01', node2: 'host02', frontend: 'frontend' };

export function loadRecording(cluster: Cluster): Recording {
  const text = readFileSync(new URL('../fixtures/oned/replay.json', import.meta.url), 'utf8');
  const { model, site } = cluster.one;
  const local = text
    .replaceAll('/var/lib/one//datastores', model.datastoreLocation)
    .replaceAll('/var/lib/one/vms', model.vmFiles)
    .replaceAll('/var/tmp/one-images', `${site.directory}/origins`)
    .replaceAll('/var/tmp', `${site.directory}/origins`)
    .replace(/\b(node1|node2):/g, (_, name: string) => `${HOST_OF[name]}:`)
    .replace(/"(node1|node2)"/g, (_, name: string) => `"${HOST_OF[name]}"`);
  return JSON.parse(local) as Recording;
}

/** `clone`, `cp`, … */
export function verbOf(call: Pick<RecordedCall, 'script'>): string {
  return call.script.slice(call.script.lastIndexOf('/') + 1);
}

/** `host01:/…/0/3/disk.1`, as words name it. */
export interface Named {
  readonly host: HostName;
  readonly datastoreId: number;
  readonly vm: number;
  /** undefined: the VM directory itself. */
  readonly disk: number | undefined;
}

export function named(word: string): Named {
  const found = /^(\w+):.*\/datastores\/(\d+)\/(\d+)(?:\/disk\.(\d+))?$/.exec(word);
  if (found === null) throw new Error(`${word} is not a disk or a directory of a VM`);
  const [, host = '', datastore, vm, disk] = found;
  return { host: host as HostName, datastoreId: Number(datastore), vm: Number(vm), disk: disk === undefined ? undefined : Number(disk) };
}

import { StorageError } from '../../runtime/errors.ts';
import { type VmSizes, vmLine } from '../../runtime/monitord/template.ts';
import { datastoreOf } from '../monitor/marked.ts';

/** Gives the lines of its output. */
export type HostAction = (call: { readonly driver: string; readonly words: readonly string[] }) => Promise<readonly string[]>;

export interface HostActionsOptions {
  readonly datastores: string;
  /** Markers that are ours. */
  readonly drivers: readonly string[];
  readonly report: 'probe' | 'push';
  readonly sizesIn: (datastoreId: number) => readonly VmSizes[];
}

type Answer = (options: HostActionsOptions, call: Parameters<HostAction>[0]) => ReturnType<HostAction>;

/** The actions that OpenNebula runs on the host itself, by `<kind>/<name>`. */
export const HOST_ACTIONS: ReadonlyMap<string, Answer> = new Map([['tm/monitor_ds', monitorDs]]);

export function hostActions(options: HostActionsOptions): ReadonlyMap<string, HostAction> {
  return new Map([...HOST_ACTIONS].map(([name, answer]) => [name, (call) => answer(options, call)]));
}

/** Sizes of the disks in a local system datastore (contract 6.5): what the last walk found. */
async function monitorDs(
  { datastores, drivers, report, sizesIn }: HostActionsOptions,
  { driver, words }: Parameters<HostAction>[0],
): Promise<readonly string[]> {
  const [directory] = words;
  if (directory === undefined || words.length !== 1) {
    throw new StorageError('bad_argument', `tm/monitor_ds: expected 1 word (the datastore's directory), got ${words.length}`);
  }
  if (!drivers.includes(driver)) {
    throw new StorageError('unsupported', `tm/monitor_ds: this agent does not measure for ${driver}, see monitor.drivers in agent.yaml`);
  }
  const datastoreId = await datastoreOf(datastores, directory);
  return report === 'push' ? [] : sizesIn(datastoreId).map(vmLine);
}

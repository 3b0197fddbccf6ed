import type { VmLocation } from '../opennebula/inventory.ts';
import { ACTIVE, LCM } from '../opennebula/vm-document.ts';

/** What an agent is told of a datastore. Names of images, or ids of virtual machines. */
export interface Expected {
  readonly known: readonly string[];
  readonly elsewhere: readonly string[];
  readonly moving: readonly string[];
  /** Those of `known` that are at rest: their directory must be there. */
  readonly resting: readonly string[];
}

/** A machine that answers, under all its names, in lower case. */
export interface Machine {
  readonly names: ReadonlySet<string>;
  readonly isFrontEnd: boolean;
}

/** VM states (contract B). At rest in these; whether ACTIVE is at rest, its LCM state says. */
const STOPPED = 4;
const SUSPENDED = 5;
const POWEROFF = 8;
const UNDEPLOYED = 9;
const AT_REST: ReadonlySet<number> = new Set([STOPPED, SUSPENDED, POWEROFF, UNDEPLOYED]);
/** Stop and undeploy bring the directory to the front-end (contract 2.2). */
export const ON_FRONT_END: ReadonlySet<number> = new Set([STOPPED, UNDEPLOYED]);

/**
 * Where the directories of virtual machines of a system datastore belong, as one machine must see it. A list of what is at rest, not of what
 * moves: a state that nobody thought of keeps its data everywhere. So does a VM on a host that did not answer (it may be this machine under
 * another name), and one that waits to be deployed again.
 */
export function expectedVms(vms: readonly VmLocation[], datastoreId: number, machine: Machine, answering: ReadonlySet<string>): Expected {
  const expected = { known: [] as string[], elsewhere: [] as string[], moving: [] as string[], resting: [] as string[] };
  for (const vm of vms) {
    const place = placeOf(vm, datastoreId, machine, answering);
    expected[place].push(String(vm.id));
    if (place === 'known' && isAtRest(vm)) expected.resting.push(String(vm.id));
  }
  return expected;
}

function placeOf(vm: VmLocation, datastoreId: number, machine: Machine, answering: ReadonlySet<string>): 'known' | 'elsewhere' | 'moving' {
  const hostName = vm.hostName?.toLowerCase();
  if (hostName === undefined || vm.datastoreId === undefined) return 'moving';
  const isHere = machine.names.has(hostName);
  if (!isAtRest(vm)) return vm.datastoreId === datastoreId && (isHere || machine.isFrontEnd) ? 'known' : 'moving';
  const belongsHere = ON_FRONT_END.has(vm.state) ? machine.isFrontEnd : isHere;
  if (belongsHere && vm.datastoreId === datastoreId) return 'known';
  return answering.has(ON_FRONT_END.has(vm.state) ? FRONT_END : hostName) ? 'elsewhere' : 'moving';
}

/** Stands for the front-end among the names of machines that answer. */
export const FRONT_END = '';

function isAtRest({ state, lcmState }: VmLocation): boolean {
  return state === ACTIVE ? lcmState === LCM.running : AT_REST.has(state);
}

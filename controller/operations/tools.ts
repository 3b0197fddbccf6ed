import { asStorageError, StorageError } from '../../runtime/errors.ts';
import { TOO_MANY } from '../../runtime/monitord/send.ts';
import type { OperationContext } from '../../runtime/operations/types.ts';
import { MIB } from '../../runtime/units.ts';
import type { ActionName } from '../../shims/actions.ts';
import { splitDatastorePath } from '../../shims/places.ts';
import type { ControllerConfig } from '../config.ts';
import { driverOf } from '../drivers.ts';
import type { FlowTools, PlaceTools, TransferSource, TransferTarget } from '../flows/flow.ts';
import type { AgentCalls } from '../hosts/agent-calls.ts';
import type { Host, HostDirectory } from '../hosts/directory.ts';
import { follow } from '../hosts/follow.ts';
import type { AgentOperation } from '../hosts/stop-agents.ts';
import { actionData, decodeBase64, inputText } from '../opennebula/action-data.ts';
import type { OpenNebula } from '../opennebula/client.ts';
import { tellMonitord } from '../opennebula/monitord.ts';
import type { UserOrders } from '../opennebula/user-orders.ts';
import { vmDocument } from '../opennebula/vm-document.ts';
import { readXml } from '../opennebula/xml.ts';
import type { AdmissionClass } from './admission.ts';
import { type FollowAgent, transferData } from './transfer.ts';

/** What actions stand on. */
export interface ActionServices {
  readonly config: Pick<ControllerConfig, 'datastores' | 'vm_files' | 'deadlines' | 'bandwidth' | 'monitord'>;
  readonly agents: AgentCalls;
  readonly hosts: HostDirectory;
  readonly openNebula: OpenNebula;
  /** OpenNebula with the rights of a user. */
  readonly actAs: (userName: string) => UserOrders;
  /** Lets the next backup of a VM be full, in the background. */
  readonly resetChain: (vmId: number) => void;
}

/** What an action has asked of agents. */
export class Begun {
  /** Started, and not seen to end. */
  readonly underWay = new Map<string, AgentOperation>();
  /** Was an agent asked for anything at all? */
  any = false;
}

export interface ToolsOptions {
  readonly services: ActionServices;
  readonly context: Omit<OperationContext, 'operationId'>;
  readonly key: string;
  readonly action: ActionName;
  readonly class: AdmissionClass | undefined;
  readonly driver: string;
  readonly suffix: string | undefined;
  readonly stdin: string;
  readonly begun: Begun;
  /** Ids of the ended calls with the same words, newest first; none for what is not journaled. */
  readonly earlier?: () => readonly string[];
  /** Is waited for before an agent is asked to change anything; what it throws ends the action. */
  readonly beforeChange?: () => Promise<void>;
  /** Absent: nothing is cancelled, and nobody was there. */
  readonly cancelOthers?: FlowTools['cancelOthers'];
}

/** What a call means, by its words alone. */
export function placeTools({ services, key, stdin }: Pick<ToolsOptions, 'services' | 'key' | 'stdin'>): PlaceTools {
  const place: FlowTools['place'] = (path) => splitDatastorePath(services.config.datastores, path);
  return {
    key,
    place,
    vmPlace: (path, vmId) => {
      const found = place(path);
      if (found.path.split('/')[0] === String(vmId)) return found;
      throw new StorageError('bad_argument', `the path ${path} is not in the directory of VM ${vmId}`);
    },
    host: (name) => services.hosts.find(name),
    document: () => actionData(decodeBase64(stdin)),
  };
}

/** The tools of one run of one action. */
export function flowTools(options: ToolsOptions): FlowTools {
  const { services, context, key, action } = options;
  const { config, agents, openNebula } = services;
  const { signal } = context;
  const followAgent = agentFollower(options);
  const limits: Readonly<Record<string, number>> = config.bandwidth;
  const bytesPerSecond = Math.round((limits[options.class ?? ''] ?? 0) * MIB);
  const input = (): string => inputText(action, options.stdin);
  const driver = driverOf(action, options.driver, options.suffix);
  return {
    action,
    signal,
    placement: driver.placement,
    backend: driver.backend,
    monitor: monitorOf(options.driver, options.suffix),
    vmFiles: config.vm_files,
    log: context.log,
    commit: context.commit,
    ...placeTools(options),
    sameHost: async (one, other) => {
      if (one.address === other.address) return true;
      const [first, second] = await Promise.all([agents.machineId(one, signal), agents.machineId(other, signal)]);
      return first === second;
    },
    vm: (id) => openNebula.vm(id, signal),
    bytesPerSecond,
    inputText: input,
    document: () => actionData(input()),
    vmDocument: () => vmDocument(readXml(input(), 'the document on standard input')),
    input: () => readXml(input(), 'the document on standard input'),
    cancelOthers: (actions, directory) => options.cancelOthers?.(actions, directory) ?? Promise.resolve([]),
    image: (id) => openNebula.image(id, signal),
    datastore: (id) => openNebula.datastore(id, signal),
    actAs: services.actAs,
    resetChain: services.resetChain,
    attempt: context.attempt,
    step: context.step,
    run: async (host, step, method, request, { wait } = { wait: false }) => {
      await options.beforeChange?.();
      const operationId = `${key}.${step}`;
      const whole = { ...request, operation: { operationId, subject: context.subject } };
      // The generated request types differ only in what they hold beside the header.
      return await context.step(step, () =>
        followAgent(host, operationId, (streamSignal) => agents.start(host, method, whole as never, streamSignal), wait),
      );
    },
    transfer: async (step: string, source: TransferSource, target: TransferTarget) => {
      await options.beforeChange?.();
      return await context.step(step, () =>
        transferData(source, target, {
          agents,
          signal,
          operationId: `${key}.${step}`,
          subject: context.subject,
          bytesPerSecond,
          attempt: context.attempt,
          followAgent,
          log: (text) => context.log('warn', text),
        }),
      );
    },
    openExport: async (host, step, source) => {
      const receiverMachineId = await agents.machineId(host, signal);
      return await agents.openExport(host, { operationId: `${key}.${step}`, source, format: '', receiverMachineId, flat: false }, signal);
    },
    earlier: () => options.earlier?.() ?? [],
    succeeded: (host, operationId) => hasSucceeded(agents, host, operationId, signal),
    usage: (host, datastoreId, how) => agents.usage(host, datastoreId, how, signal),
    tellDiskSizes: async (host, datastoreId) => {
      const vms = await agents.diskSizes(host, datastoreId, signal);
      const left = await tellMonitord(vms, config.monitord, signal);
      if (left.length > 0) context.log('warn', `VM ${left.join(', VM ')}: ${TOO_MANY}`);
    },
    statOrigin: (host, origin, opaque) => agents.statOrigin(host, { origin, opaque }, signal),
    listBackup: (host, repository, chain, options = {}) =>
      agents.listBackup(host, { repository, chain: { increments: [...chain] }, ...options }, signal),
    backupUsage: (host, repository) => agents.backupUsage(host, { repository }, signal),
    bridge: (names, index) => chooseBridge(names, index, services, context),
  };
}

/** The stock drivers' marker on datastores of theirs, our own name on ours (contract 3.4, 6.5). */
function monitorOf(driver: string, suffix: string | undefined): string {
  const system = suffix?.toLowerCase() ?? driver;
  return system === driver ? driver : 'ssh';
}

function agentFollower({ services, context, begun }: ToolsOptions): FollowAgent {
  const { underWay } = begun;
  return async (host, operationId, open, wait = false) => {
    let answered = false;
    begun.any = true;
    underWay.set(operationId, { host, operationId });
    try {
      const result = await follow(() => open(context.signal), {
        hostName: host.name,
        signal: context.signal,
        reattachMs: services.config.deadlines.reattach_seconds * 1000,
        known: wait || context.attempt > 1,
        listener: context,
        onAnswer: () => {
          answered = true;
        },
      });
      underWay.delete(operationId);
      return result;
    } catch (thrown) {
      // A host that was never reached has nothing to be stopped, and would only be waited for again.
      if (!answered && asStorageError(thrown).reason === 'unreachable') underWay.delete(operationId);
      throw thrown;
    }
  };
}

/** Waits while the operation is under way. */
async function hasSucceeded(agents: AgentCalls, host: Host, operationId: string, signal: AbortSignal): Promise<boolean> {
  try {
    for await (const event of agents.watch(host, operationId, signal)) if (event.outcome) return !event.outcome.failure;
  } catch (thrown) {
    const error = asStorageError(thrown);
    if (error.reason === 'not_found') return false;
    throw error;
  }
  throw new StorageError('unreachable', `${host.name} does not say how operation ${operationId} ended`);
}

/** The first that answers, from that one on; without a name the front-end. Throws unknown_host, unreachable. */
export async function chooseBridge(
  names: readonly string[],
  index: number,
  { hosts, agents }: Pick<ActionServices, 'hosts' | 'agents'>,
  { signal, log }: Pick<OperationContext, 'signal' | 'log'>,
): Promise<Host> {
  if (names.length === 0) return hosts.frontEnd;
  const failures: string[] = [];
  for (let tried = 0; tried < names.length; tried += 1) {
    const host = hosts.find(names[(index + tried) % names.length]);
    if (names.length === 1) return host;
    try {
      await agents.machineId(host, signal);
      return host;
    } catch (thrown) {
      signal.throwIfAborted();
      const error = asStorageError(thrown);
      log('warn', `the bridge ${host.name} is left out: ${error.message}`);
      failures.push(error.message);
    }
  }
  throw new StorageError('unreachable', `none of the bridges ${names.join(', ')} answers: ${failures.join('; ')}`);
}

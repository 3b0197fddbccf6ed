import { randomUUID } from 'node:crypto';
import { asStorageError } from '../../runtime/errors.ts';
import { parseWords } from '../../shims/words.ts';
import { driverOf } from '../drivers.ts';
import type { FlowTools } from '../flows/flow.ts';
import { flowOf } from '../flows/flows.ts';
import type { AgentLooks } from '../hosts/agent-looks.ts';
import { aboutAction } from '../operations/about.ts';
import { type ActiveAction, supersededBy } from '../operations/supersede.ts';
import { type ActionServices, Begun, flowTools } from '../operations/tools.ts';
import type { ActionRequest } from '../server/handler.ts';
import { askHost, type Unanswered } from './ask-hosts.ts';
import { Recorder, type Where } from './explain-recorder.ts';

export interface ExplainedPlace {
  readonly host: string;
  readonly address: string;
  /** `107/9/disk.0` */
  readonly place: string;
  /** What is there now, in bytes; undefined: there is nothing, or nobody could look. */
  readonly bytes: number | undefined;
  readonly there: boolean | undefined;
}

/** One operation of an agent, in the order in which they would be asked for. */
export interface ExplainedStep {
  readonly step: string;
  readonly method: string;
  readonly host: string;
  readonly address: string;
  /** Path or address of a new image. */
  readonly origin: string | undefined;
  readonly source: ExplainedPlace | undefined;
  readonly target: ExplainedPlace | undefined;
}

export interface Explanation {
  readonly subject: string;
  /** Whose slots it takes; undefined: it changes nothing, and is not journaled. */
  readonly class: string | undefined;
  readonly locks: readonly string[];
  readonly hosts: readonly string[];
  /** Ids of what it would give up. */
  readonly supersedes: readonly string[];
  readonly steps: readonly ExplainedStep[];
  /** From the step with this number (of `steps`) on it would only go forward; undefined: it can be taken back to the end. */
  readonly commitsBefore: number | undefined;
  readonly remarks: readonly string[];
  /** Why it would fail, by what is known without doing anything. */
  readonly failure: Unanswered | undefined;
}

export interface ExplainServices {
  readonly actions: ActionServices;
  readonly agents: Pick<AgentLooks, 'stat' | 'space'>;
  readonly active: () => readonly ActiveAction[];
}

type Call = Omit<ActionRequest, 'key'>;

/**
 * Runs the flow of an action with tools that write down what they are asked for, and do nothing. What only reads (OpenNebula, machine ids) is
 * really asked. Throws bad_argument, bad_document and outside_datastore, as the call itself would.
 */
export async function explain(call: Call, { actions, agents, active }: ExplainServices, signal: AbortSignal): Promise<Explanation> {
  const { action, driver, suffix, argv, stdin } = call;
  driverOf(action, driver, suffix);
  const flow = flowOf(action);
  const words = parseWords(action, argv);
  const key = randomUUID();
  const about = aboutAction(action, words, stdin, actions.config.datastores);
  const recorder = new Recorder();
  const context = {
    subject: about.subject,
    attempt: 1,
    signal,
    step: <T>(_name: string, work: () => Promise<T>): Promise<T> => work(),
    commit: () => recorder.commit(),
    report: () => undefined,
    count: () => undefined,
    log: (_level: string, text: string) => void recorder.remarks.push(text),
  };
  const options = { services: actions, context, key, action, class: flow.class, driver, suffix, stdin, begun: new Begun() };
  const real = flowTools(options);
  const tools: FlowTools = {
    ...real,
    ...recorder.tools,
    sameHost: (one, other) =>
      real.sameHost(one, other).catch((thrown: unknown) => {
        signal.throwIfAborted();
        recorder.remarks.push(`${asStorageError(thrown).message}: taken for two different hosts`);
        return false;
      }),
    usage: async (host, datastoreId) => {
      recorder.note(host, 'usage', 'Hosts/Usage', {});
      return await agents.space(host, datastoreId, signal);
    },
    tellDiskSizes: async (host) => recorder.note(host, 'disk sizes', 'Hosts/DiskSizes', {}),
  };
  let failure: Unanswered | undefined;
  try {
    await flow.run(words, tools);
  } catch (thrown) {
    signal.throwIfAborted();
    const { reason, message } = asStorageError(thrown);
    failure = { reason, message };
  }
  const measured = recorder.steps.map(async ({ step, method, host, origin, source, target }) => ({
    step,
    origin,
    method,
    host: host.name,
    address: host.address,
    source: await measure(source, agents, signal),
    target: await measure(target, agents, signal),
  }));
  return {
    subject: about.subject,
    class: flow.class,
    locks: about.resources,
    hosts: about.hosts.map((name) => (name === '' ? actions.hosts.frontEnd.name : name)),
    supersedes: supersededBy({ id: key, action, targets: about.targets }, active()),
    steps: await Promise.all(measured),
    commitsBefore: recorder.committed,
    remarks: recorder.remarks,
    failure,
  };
}

async function measure(
  where: Where | undefined,
  agents: Pick<AgentLooks, 'stat'>,
  signal: AbortSignal,
): Promise<ExplainedPlace | undefined> {
  if (where === undefined) return undefined;
  const { host, place } = where;
  const { value } = await askHost(host, (one, each) => agents.stat(one, [place], each), signal);
  const state = value?.[0];
  const there = state === undefined ? undefined : state.type !== '';
  // The size of a directory is that of its list of names.
  const bytes = there === true && state?.type !== 'directory' ? state?.allocatedBytes : undefined;
  return { host: host.name, address: host.address, place: `${place.datastoreId}/${place.path}`, bytes, there };
}

import { randomUUID } from 'node:crypto';
import { parseWords } from '../../shims/words.ts';
import { driverOf } from '../drivers.ts';
import { flowOf } from '../flows/flows.ts';
import type { AgentLooks } from '../hosts/agent-looks.ts';
import { aboutAction } from '../operations/about.ts';
import type { Where } from '../operations/recorder.ts';
import { rehearse } from '../operations/rehearse.ts';
import { type ActiveAction, supersededBy } from '../operations/supersede.ts';
import type { ActionServices } from '../operations/tools.ts';
import type { ActionRequest } from '../server/handler.ts';
import { askHost, type Unanswered } from './ask-hosts.ts';

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
  readonly agents: Pick<AgentLooks, 'stat'>;
  readonly active: () => readonly ActiveAction[];
}

type Call = Omit<ActionRequest, 'key'>;

/** What an action would do, by a rehearsal of its flow. Throws bad_argument, bad_document and outside_datastore, as the call itself would. */
export async function explain(call: Call, { actions, agents, active }: ExplainServices, signal: AbortSignal): Promise<Explanation> {
  const { action, driver, suffix, argv, stdin } = call;
  driverOf(action, driver, suffix);
  const key = randomUUID();
  const about = aboutAction(action, parseWords(action, argv), stdin, actions.config.datastores);
  const { recorder, failure } = await rehearse({ ...call, key, subject: about.subject }, actions, signal);
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
    class: flowOf(action).class,
    locks: about.resources,
    hosts: about.hosts.map((name) => (name === '' ? actions.hosts.frontEnd.name : name)),
    supersedes: supersededBy({ id: key, action, targets: about.targets }, active()),
    steps: await Promise.all(measured),
    commitsBefore: recorder.committed,
    remarks: recorder.remarks,
    failure: failure === undefined ? undefined : { reason: failure.reason, message: failure.message },
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

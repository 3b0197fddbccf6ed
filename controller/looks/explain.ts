import { randomUUID } from 'node:crypto';
import { parseWords } from '../../shims/words.ts';
import { driverOf } from '../drivers.ts';
import { flowOf } from '../flows/flows.ts';
import type { AgentLooks } from '../hosts/agent-looks.ts';
import { aboutAction } from '../operations/about.ts';
import { rehearse } from '../operations/rehearse.ts';
import { type ActiveAction, supersededBy } from '../operations/supersede.ts';
import type { ActionServices } from '../operations/tools.ts';
import type { ActionRequest } from '../server/handler.ts';
import type { Unanswered } from './ask-hosts.ts';
import { type ExplainedPlace, type ExplainedSpace, Measurer, noSpace } from './explain-measure.ts';

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
  /** Of what brings data to the target. */
  readonly space: ExplainedSpace | undefined;
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

/** What an action would do, by a rehearsal of its flow. Throws bad_argument, bad_document and outside_datastore, as the call itself would. */
export async function explain(call: Call, { actions, agents, active }: ExplainServices, signal: AbortSignal): Promise<Explanation> {
  const { action, driver, suffix, argv, stdin } = call;
  driverOf(action, driver, suffix);
  const key = randomUUID();
  const about = aboutAction(action, parseWords(action, argv), stdin, actions.config.datastores);
  const { recorder, failure } = await rehearse({ ...call, key, subject: about.subject }, actions, signal);
  const measurer = new Measurer({ looks: agents, calls: actions.agents, signal });
  const steps = await Promise.all(
    recorder.steps.map(async ({ step, method, host, origin, source, target }): Promise<ExplainedStep> => {
      const [from, to] = await Promise.all([measurer.place(source), measurer.place(target)]);
      const brings = source !== undefined || origin !== undefined;
      const space = brings ? await measurer.space(target, from?.bytes) : undefined;
      return { step, origin, method, host: host.name, address: host.address, source: from, target: to, space };
    }),
  );
  return {
    subject: about.subject,
    class: flowOf(action).class,
    locks: about.resources,
    hosts: [...new Set(about.hosts.map((name) => (name === '' ? actions.hosts.frontEnd.name : name)))],
    supersedes: supersededBy({ id: key, action, targets: about.targets }, active()),
    steps,
    commitsBefore: recorder.committed,
    remarks: recorder.remarks,
    failure: failure === undefined ? (nothingToRead(steps) ?? steps.map(noSpace).find((one) => one !== undefined)) : short(failure),
  };
}

const short = ({ reason, message }: Unanswered): Unanswered => ({ reason, message });

/** What a step would read is not there, and no step before it makes it. Where the target is there already, nothing may be left to do. */
function nothingToRead(steps: readonly ExplainedStep[]): Unanswered | undefined {
  const same = (a: ExplainedPlace | undefined, b: ExplainedPlace): boolean => a?.address === b.address && a.place === b.place;
  for (const [index, { source, target }] of steps.entries()) {
    if (source?.there !== false || target?.there !== false) continue;
    if (steps.slice(0, index).some((before) => same(before.target, source))) continue;
    return { reason: 'not_found', message: `${source.place} does not exist on ${source.host}` };
  }
  return undefined;
}

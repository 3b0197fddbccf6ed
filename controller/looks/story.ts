import type { OperationRecord__Output } from '../../proto/gen/onestorage/v1/OperationRecord.ts';
import { StorageError } from '../../runtime/errors.ts';
import type { JournalLine } from '../../runtime/operations/journal.ts';
import type { OperationRecord } from '../../runtime/operations/types.ts';
import type { AgentLooks } from '../hosts/agent-looks.ts';
import type { Host } from '../hosts/directory.ts';
import { askHosts, type Unanswered } from './ask-hosts.ts';

/** All that is still known of an action: its own record, and those of the agents' operations it is made of, oldest first. */
export interface Story {
  readonly operation: OperationRecord | undefined;
  readonly parts: readonly (OperationRecord & { readonly host: string })[];
  /** What was said meanwhile, by the hosts too: the controller keeps it, they do not. */
  readonly lines: readonly JournalLine[];
  readonly unanswered: readonly ({ readonly host: string } & Unanswered)[];
}

export interface StoryServices {
  readonly get: (id: string) => OperationRecord | undefined;
  readonly lines: (id: string) => readonly JournalLine[];
  readonly hosts: readonly Host[];
  readonly agents: Pick<AgentLooks, 'records'>;
}

/** `id` of an action, or of an agent's operation, `<action>.<step>`. Throws not_found when nobody knows it. */
export async function storyOf(id: string, { get, lines, hosts, agents }: StoryServices, signal: AbortSignal): Promise<Story> {
  const actionId = id.split('.')[0] ?? id;
  const operation = get(id) ?? get(actionId);
  const answers = await askHosts(hosts, (host, each) => agents.records(host, each), signal);
  const mine = (record: OperationRecord__Output): boolean => record.operationId === id || record.operationId.startsWith(`${actionId}.`);
  const parts = answers.flatMap(({ host, value = [] }) => value.filter(mine).map((record) => ({ ...fromWire(record), host: host.name })));
  const unanswered = answers.flatMap(({ host, failure }) => (failure === undefined ? [] : [{ host: host.name, ...failure }]));
  if (operation === undefined && parts.length === 0) {
    const except = unanswered.length === 0 ? '' : `; ${unanswered.map(({ host }) => host).join(', ')} could not be asked`;
    throw new StorageError('not_found', `there is no operation ${id} any more, neither here nor on the hosts${except}`);
  }
  return {
    operation,
    parts: parts.sort((one, other) => one.createdAt - other.createdAt),
    lines: lines(operation?.id ?? actionId),
    unanswered,
  };
}

function fromWire(record: OperationRecord__Output): OperationRecord {
  const { kind, subject, attempt, committed, step, progress, figures, failure } = record;
  return {
    id: record.operationId,
    kind,
    subject,
    state: record.state as OperationRecord['state'],
    attempt,
    committed,
    step: step === '' ? undefined : step,
    progress: progress ?? undefined,
    figures: figures ?? { movedBytes: 0, skippedBytes: 0, verifiedBytes: 0, processes: 0 },
    createdAt: record.createdUnixMs,
    finishedAt: record.finishedUnixMs === 0 ? undefined : record.finishedUnixMs,
    failure: failure ?? undefined,
  };
}

import { Command } from 'commander';
import { asStorageError, type StorageError } from '../../runtime/errors.ts';
import { failureText } from '../../runtime/report.ts';
import type { InspectionEvent } from '../inspection/events.ts';
import { askForEvents, DEFAULT_SOCKET } from './controller-socket.ts';
import { inspectionText } from './fsck-table.ts';
import { idOf } from './look.ts';

interface Options {
  readonly socket: string;
  readonly json?: true;
  readonly repair?: true;
}

/** Exit statuses (fsck of other systems has the same order: the worst that happened). */
const CLEAN = 0;
const FOUND = 1;
const NOT_LOOKED_AT = 2;

const HELP = `
What is found: files of operations that have ended, images and virtual machines that OpenNebula does not have,
directories a migration left behind, links to nothing, broken chains of layers, missing images and directories.

--repair sets aside what nobody needs, into .quarantine of the same datastore on the same host. Nothing is ever
deleted: move it back, or remove .quarantine when nobody has missed it.

Exit status: 0 nothing is out of place; 1 something is; 2 something could not be looked at.

Examples:
  onestorage fsck 1
  onestorage fsck 0 --json
  onestorage fsck 0 --repair`;

/** `onestorage fsck DATASTORE`. */
export function fsckCommand(): Command {
  return new Command('fsck')
    .description('find what does not fit in a datastore, and set it aside')
    .argument('<datastore>', 'id of an image, file or system datastore', idOf('a datastore'))
    .option('--repair', 'set aside what nobody needs')
    .option('--socket <path>', 'socket of the controller', DEFAULT_SOCKET)
    .option('--json', 'print one JSON document')
    .addHelpText('after', HELP)
    .action(fsck);
}

async function fsck(datastoreId: number, options: Options): Promise<void> {
  const events: InspectionEvent[] = [];
  let failure: StorageError | undefined;
  try {
    for await (const event of inspectDatastore(datastoreId, options)) events.push(event);
  } catch (thrown) {
    failure = asStorageError(thrown);
  }
  const text = options.json
    ? `${JSON.stringify(report(datastoreId, events, failure), undefined, 2)}\n`
    : inspectionText(datastoreId, events, Date.now());
  process.stdout.write(text);
  if (failure !== undefined) process.stderr.write(failureText('onestorage', failure));
  process.exitCode = failure === undefined ? exitStatus(events) : NOT_LOOKED_AT;
}

/** What was set aside is no longer out of place. */
export function exitStatus(events: readonly InspectionEvent[]): number {
  if (events.some(({ type }) => type === 'unanswered') || !events.some(({ type }) => type === 'looked')) return NOT_LOOKED_AT;
  const count = (wanted: InspectionEvent['type']): number => events.filter(({ type }) => type === wanted).length;
  return count('finding') > count('moved') ? FOUND : CLEAN;
}

/** What the controller tells of a datastore while it looks at it. Throws what makes it impossible as a whole. */
export async function* inspectDatastore(
  datastoreId: number,
  { socket, repair }: Pick<Options, 'socket' | 'repair'>,
): AsyncGenerator<InspectionEvent> {
  const path = `/v1/datastores/${datastoreId}/inspection${repair ? '?repair=1' : ''}`;
  for await (const event of askForEvents(socket, path, 'the inspection')) yield event as InspectionEvent;
}

/** By kind: easier to read for a program than a list of events. */
function report(datastoreId: number, events: readonly InspectionEvent[], failure: StorageError | undefined): unknown {
  const of = (wanted: InspectionEvent['type']): unknown[] =>
    events.filter(({ type }) => type === wanted).map(({ type: _type, ...event }) => event);
  const error = failure === undefined ? {} : { failure: { reason: failure.reason, message: failure.message } };
  const looked = events.flatMap((event) => (event.type === 'looked' ? [event.host] : []));
  return { datastoreId, looked, unanswered: of('unanswered'), findings: of('finding'), moved: of('moved'), kept: of('kept'), ...error };
}

import { setTimeout as sleep } from 'node:timers/promises';
import { Command } from 'commander';
import { asStorageError } from '../../runtime/errors.ts';
import type { OperationRecord, Progress } from '../../runtime/operations/types.ts';
import { formatBytes, formatDuration } from '../../runtime/units.ts';
import { alarm, state as painted } from './colours.ts';
import { askController } from './controller-socket.ts';
import { FINE, type ListOptions, type LookOptions, list, listCommand, look, lookCommand, print, printJson, WRONG } from './look.ts';
import { operationId, operationListing, operationsOf } from './operations.ts';
import { operationText } from './ops-table.ts';
import { ProgressLine } from './progress-line.ts';

const WATCH_MS = 1000;

const EXAMPLES = `
Examples:
  onestorage ops list
  onestorage ops list --watch
  onestorage ops show 4f0c2f6e
  onestorage ops watch 4f0c2f6e
  onestorage ops cancel 4f0c2f6e`;

const LIST_HELP = `
TIME is how long it takes, or took. STEP of one that failed is the reason. IDs are cut to what tells them apart; every command takes them so.
With --watch RATE is that of the last seconds, else the average since the beginning.

Exit status: 0 done; 2 the controller could not be asked.

Examples:
  onestorage ops list
  onestorage ops list --watch
  onestorage ops list --all --json`;

const SHOW_HELP = `
The id, or its beginning. What its steps on the hosts were: onestorage logs.

Exit status: 0 done; 1 there is no such operation; 2 the controller could not be asked.

Examples:
  onestorage ops show 4f0c2f6e
  onestorage ops show 4f0c2f6e-7c1a-4a56-9d1e-3b8f1c1f2a77 --json`;

const WATCH_HELP = `
On a terminal one line is drawn over until it has ended; elsewhere each step is a line. With --json every change is a line.

Exit status: 0 it succeeded; 1 it failed, was cancelled, or there is no such operation; 2 the controller could not be asked.

Examples:
  onestorage ops watch 4f0c2f6e
  onestorage ops watch 4f0c2f6e --json`;

const CANCEL_HELP = `
What it began is taken back; OpenNebula is told that the action failed. Follow it with onestorage ops watch.

Exit status: 0 it is being cancelled; 1 it has ended, is past the point where it can be taken back, or there is no such operation;
2 the controller could not be asked.

Examples:
  onestorage ops cancel 4f0c2f6e
  onestorage ops cancel 4f0c2f6e --json`;

/** `onestorage ops …`: the controller's operations, over its socket. */
export function opsCommand(): Command {
  const commands = [
    listCommand('list', 'operations under way', LIST_HELP)
      .option('--all', 'the newest 200, ended ones too')
      .action(({ socket, all, ...options }: ListOptions & { readonly all?: true }) =>
        list(
          options,
          operationListing(() => operationsOf(socket, all === true)),
        ),
      ),
    lookCommand('show', 'one operation', SHOW_HELP).argument('<id>', 'of the operation').action(show),
    lookCommand('watch', 'follow one operation to its end', WATCH_HELP).argument('<id>', 'of the operation').action(watch),
    lookCommand('cancel', 'give one operation up; what it began is taken back', CANCEL_HELP)
      .argument('<id>', 'of the operation')
      .action(cancel),
  ];
  const command = new Command('ops').description('look at, follow and cancel operations');
  for (const one of commands) command.addCommand(one);
  return command.addHelpText('after', EXAMPLES);
}

async function get(id: string, socket: string): Promise<OperationRecord> {
  return (await askController(socket, 'GET', `/v1/operations/${encodeURIComponent(id)}`)) as OperationRecord;
}

async function show(beginning: string, { socket, json }: LookOptions): Promise<void> {
  await look(async () => {
    const record = await get(await operationId(socket, beginning), socket);
    if (json) printJson(record);
    else print(operationText(record));
    return FINE;
  });
}

async function watch(beginning: string, { socket, json }: LookOptions): Promise<void> {
  await look(async () => {
    const id = await operationId(socket, beginning);
    const line = new ProgressLine(process.stdout);
    let record: OperationRecord | undefined;
    let last = '';
    for await (record of untilItEnds(id, socket)) {
      const { finishedAt, progress, createdAt } = record;
      const text = json ? `${JSON.stringify(record)}\n` : '';
      if (text !== last) print(text);
      last = text;
      if (!json && finishedAt === undefined) line.show(progress ?? nothingYet(record), Date.now(), createdAt);
    }
    line.clear();
    if (record !== undefined && !json) print(endText(record));
    return record?.failure === undefined ? FINE : WRONG;
  });
}

async function* untilItEnds(id: string, socket: string): AsyncGenerator<OperationRecord> {
  for (; ; await sleep(WATCH_MS)) {
    const record = await get(id, socket);
    yield record;
    if (record.finishedAt !== undefined) return;
  }
}

function nothingYet({ step, state }: OperationRecord): Progress {
  return { step: step ?? state, doneBytes: 0, totalBytes: 0 };
}

/** `succeeded after 12.5 s, 625.0 MiB moved` */
function endText({ state, createdAt, finishedAt = createdAt, figures, failure }: OperationRecord): string {
  const moved = figures.movedBytes > 0 ? `, ${formatBytes(figures.movedBytes)} moved` : '';
  const why = failure === undefined ? '' : `: ${alarm(`${failure.message} (${failure.reason})`)}`;
  return `${painted(state)} after ${formatDuration(finishedAt - createdAt)}${moved}${why}\n`;
}

async function cancel(beginning: string, { socket, json }: LookOptions): Promise<void> {
  await look(async () => {
    const id = await operationId(socket, beginning);
    try {
      const body = await askController(socket, 'DELETE', `/v1/operations/${encodeURIComponent(id)}`);
      if (json) printJson(body);
      else print(`operation ${id} is being cancelled; to follow it: onestorage ops watch ${beginning}\n`);
      return FINE;
    } catch (thrown) {
      const { reason, message } = asStorageError(thrown);
      if (reason !== 'conflict') throw thrown;
      // It is too late, and there is nothing to do about it.
      process.stderr.write(`onestorage: ${message}\n`);
      return WRONG;
    }
  });
}

import { setTimeout as sleep } from 'node:timers/promises';
import { Command } from 'commander';
import type { OperationRecord } from '../../runtime/operations/types.ts';
import { askController, DEFAULT_SOCKET } from './controller-socket.ts';
import { operationTable, operationText, progressText } from './ops-table.ts';
import { redraw } from './screen.ts';
import { operationPicture, operationsOf, watchOption } from './transfers.ts';

interface Options {
  readonly socket: string;
  readonly json?: boolean;
  readonly all?: boolean;
  readonly watch?: boolean;
}

const WATCH_MS = 1000;
const EXAMPLES = `
Examples:
  onestorage ops list
  onestorage ops list --all --json
  onestorage ops list --watch
  onestorage ops watch 4f0c2f6e-…
  onestorage ops cancel 4f0c2f6e-…

Exit status: 0 done; 1 it failed, the operation that was followed did, or the controller does not answer; 2 called in a wrong way.`;

/** `onestorage ops …`: the controller's operations, over its socket. */
export function opsCommand(): Command {
  const command = new Command('ops').description('look at, follow and cancel operations').addHelpText('after', EXAMPLES);
  const add = (name: string, description: string): Command =>
    command
      .command(name)
      .description(description)
      .option('--socket <path>', 'socket of the controller', DEFAULT_SOCKET)
      .option('--json', 'print JSON');
  add('list', 'operations under way')
    .option('--all', 'ended ones too, newest first')
    .addOption(watchOption())
    .action((options: Options) => list(options));
  add('show <id>', 'one operation').action((id: string, options: Options) => show(id, options));
  add('watch <id>', 'follow one operation to its end').action((id: string, options: Options) => watch(id, options));
  add('cancel <id>', 'give one operation up; what it began is taken back').action((id: string, options: Options) => cancel(id, options));
  return command;
}

function print(text: string): void {
  process.stdout.write(text);
}

async function list({ socket, json, all, watch }: Options): Promise<void> {
  const read = (): Promise<readonly OperationRecord[]> => operationsOf(socket, all === true);
  if (watch === true) return await redraw(operationPicture(read));
  const records = await read();
  print(json === true ? `${JSON.stringify(records, undefined, 2)}\n` : operationTable(records, Date.now()));
}

async function get(id: string, socket: string): Promise<OperationRecord> {
  return (await askController(socket, 'GET', `/v1/operations/${encodeURIComponent(id)}`)) as OperationRecord;
}

async function show(id: string, { socket, json }: Options): Promise<void> {
  const record = await get(id, socket);
  print(json === true ? `${JSON.stringify(record, undefined, 2)}\n` : operationText(record));
}

/** Prints a line whenever something has changed. Exit status 1 when the operation fails. */
async function watch(id: string, { socket, json }: Options): Promise<void> {
  let last = '';
  for (;;) {
    const record = await get(id, socket);
    const line =
      json === true
        ? JSON.stringify(record)
        : [record.state, record.progress?.step ?? record.step, progressText(record)].filter(Boolean).join('  ');
    if (line !== last) print(`${line}\n`);
    last = line;
    if (record.finishedAt !== undefined) {
      if (record.failure !== undefined && json !== true) print(`${record.failure.message}\n`);
      if (record.failure !== undefined) process.exitCode = 1;
      return;
    }
    await sleep(WATCH_MS);
  }
}

async function cancel(id: string, { socket, json }: Options): Promise<void> {
  const body = await askController(socket, 'DELETE', `/v1/operations/${encodeURIComponent(id)}`);
  print(json === true ? `${JSON.stringify(body)}\n` : `operation ${id} is being cancelled\n`);
}

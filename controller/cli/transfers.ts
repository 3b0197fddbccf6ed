import { type Command, Option } from 'commander';
import type { OperationRecord } from '../../runtime/operations/types.ts';
import { askController, field } from './controller-socket.ts';
import { FINE, type LookOptions, look, lookCommand, print, printJson } from './look.ts';
import { operationTable } from './ops-table.ts';
import { Rates } from './rates.ts';
import { redraw } from './screen.ts';

const HELP = `
With --watch the list is drawn anew every second until Ctrl-C, with the rate of the last seconds instead of the average since
the beginning; where standard output is no terminal it is printed once.

Exit status: 0 done; 2 the controller could not be asked.

Examples:
  onestorage transfers
  onestorage transfers --watch
  onestorage transfers --json`;

/** Actions that move data from place to place. */
const MOVERS: ReadonlySet<string> = new Set(['clone', 'ln', 'mv', 'mvds', 'cpds', 'cp', 'export']);

/** `onestorage transfers`. */
export function transfersCommand(): Command {
  return lookCommand('transfers', 'operations under way that move data', HELP)
    .addOption(watchOption())
    .action(({ socket, json, watch }: LookOptions & { readonly watch?: true }) =>
      look(async () => {
        const read = async (): Promise<readonly OperationRecord[]> => (await operationsOf(socket, false)).filter(movesData);
        if (json) printJson(await read());
        else if (watch) await redraw(operationPicture(read));
        else print(operationTable(await read(), Date.now(), undefined, 'no data is being moved\n'));
        return FINE;
      }),
    );
}

export function watchOption(): Option {
  return new Option('--watch', 'draw it anew every second').conflicts('json');
}

export async function operationsOf(socket: string, all: boolean): Promise<readonly OperationRecord[]> {
  const body = await askController(socket, 'GET', `/v1/operations${all ? '?all=1' : ''}`);
  return (field(body, 'operations') ?? []) as readonly OperationRecord[];
}

/** Draws operations again and again; each picture knows the one before it. */
export function operationPicture(read: () => Promise<readonly OperationRecord[]>): () => Promise<string> {
  const rates = new Rates();
  return async () => {
    const records = await read();
    const now = Date.now();
    rates.look(records, now);
    return operationTable(records, now, rates);
  };
}

export function movesData({ subject, progress }: OperationRecord): boolean {
  return MOVERS.has(subject.split(' ')[0] ?? '') || (progress !== undefined && progress.totalBytes > 0);
}

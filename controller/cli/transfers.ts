import type { Command } from 'commander';
import type { OperationRecord } from '../../runtime/operations/types.ts';
import { type ListOptions, list, listCommand } from './look.ts';
import { operationListing, operationsOf } from './operations.ts';

const HELP = `
With --watch the list is drawn anew every second until Ctrl-C, with the rate of the last seconds instead of the average since
the beginning; where standard output is no terminal it is printed once.

Exit status: 0 done; 2 the controller could not be asked.

Examples:
  onestorage transfers
  onestorage transfers --watch
  onestorage transfers --json`;

/** Actions that move data from place to place. */
const MOVERS: ReadonlySet<string> = new Set(['clone', 'ln', 'mv', 'mvds', 'cpds', 'cp', 'export', 'premigrate', 'backup', 'restore']);

/** `onestorage transfers`. */
export function transfersCommand(): Command {
  return listCommand('transfers', 'operations under way that move data', HELP).action(({ socket, ...options }: ListOptions) =>
    list(
      options,
      operationListing(async () => (await operationsOf(socket, false)).filter(movesData), 'no data is being moved\n'),
    ),
  );
}

function movesData({ subject, progress }: OperationRecord): boolean {
  return MOVERS.has(subject.split(' ')[0] ?? '') || (progress !== undefined && progress.totalBytes > 0);
}

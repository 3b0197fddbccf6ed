import { Command, InvalidArgumentError } from 'commander';
import { asStorageError, type Reason } from '../../runtime/errors.ts';
import { failureText } from '../../runtime/report.ts';
import { DEFAULT_SOCKET } from './controller-socket.ts';

/** Exit statuses of commands that look: the worst that was seen. */
export const FINE = 0;
export const WRONG = 1;
export const NOT_ASKED = 2;

export interface LookOptions {
  readonly socket: string;
  readonly json?: true;
}

/** A command that asks the controller and changes nothing. */
export function lookCommand(name: string, description: string, help: string): Command {
  return new Command(name)
    .description(description)
    .option('--socket <path>', 'socket of the controller', DEFAULT_SOCKET)
    .option('--json', 'print one JSON document')
    .addHelpText('after', help);
}

const NOT_THERE: ReadonlySet<Reason> = new Set(['not_found']);

/** Runs it, and makes what it gives the exit status. What is not there is wrong; any other error means that nobody could be asked. */
export async function look(work: () => Promise<number>, wrong = NOT_THERE): Promise<void> {
  try {
    process.exitCode = await work();
  } catch (thrown) {
    process.stderr.write(failureText('onestorage', thrown));
    process.exitCode = wrong.has(asStorageError(thrown).reason) ? WRONG : NOT_ASKED;
  }
}

/** Reads an id of OpenNebula; `what`: `a datastore`. */
export function idOf(what: string): (text: string) => number {
  return (text) => {
    if (!/^(?:0|[1-9]\d{0,8})$/u.test(text)) throw new InvalidArgumentError(`Not the id of ${what}.`);
    return Number(text);
  };
}

export function print(text: string): void {
  process.stdout.write(text);
}

export function printJson(value: unknown): void {
  print(`${JSON.stringify(value, undefined, 2)}\n`);
}

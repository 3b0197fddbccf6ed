import { Command, InvalidArgumentError, Option } from 'commander';
import { asStorageError, type Reason } from '../../runtime/errors.ts';
import { failureText } from '../../runtime/report.ts';
import { DEFAULT_SOCKET } from './controller-socket.ts';
import { redraw } from './screen.ts';

/** Exit statuses of commands that look: the worst that was seen. */
export const FINE = 0;
export const WRONG = 1;
export const NOT_ASKED = 2;

export interface LookOptions {
  readonly socket: string;
  readonly json?: true;
}

export interface ListOptions extends LookOptions {
  readonly watch?: true;
}

/** A command that asks the controller and changes nothing. */
export function lookCommand(name: string, description: string, help: string): Command {
  return new Command(name)
    .description(description)
    .option('--socket <path>', 'socket of the controller', DEFAULT_SOCKET)
    .option('--json', 'print one JSON document')
    .addHelpText('after', help);
}

/** The same for what is worth being drawn again and again. */
export function listCommand(name: string, description: string, help: string): Command {
  return lookCommand(name, description, help).addOption(new Option('--watch', 'draw it anew every second').conflicts('json'));
}

/** What a listing reads, how it looks as a table, and whether all of it is as it should be. */
export interface Listing<T> {
  readonly read: () => Promise<T>;
  readonly draw: (found: T) => string;
  readonly isFine: (found: T) => boolean;
}

export async function list<T>({ json, watch }: Pick<ListOptions, 'json' | 'watch'>, { read, draw, isFine }: Listing<T>): Promise<void> {
  await look(async () => {
    let status = FINE;
    const picture = async (): Promise<string> => {
      const found = await read();
      status = isFine(found) ? FINE : WRONG;
      return json ? jsonText(found) : draw(found);
    };
    if (watch) await redraw(picture);
    else print(await picture());
    return status;
  });
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
  print(jsonText(value));
}

function jsonText(value: unknown): string {
  return `${JSON.stringify(value, undefined, 2)}\n`;
}

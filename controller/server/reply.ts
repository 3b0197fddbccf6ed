import type { ServerResponse } from 'node:http';
import type { LogLevel } from '../../runtime/operations/types.ts';
import type { Dialect } from './handler.ts';
import { errorText, logText } from './text.ts';

const LETTERS = { info: 'I', warn: 'W', error: 'E', debug: 'D' } as const satisfies Readonly<Record<LogLevel, string>>;

/** What may wait for a shim that does not read; more log lines than that are dropped and counted. */
const MAX_WAITING = 1024 * 1024;

/**
 * The stream of records to one shim: one a line, the first letter says what it is (`shims/shim.sh`). A shim that went away is no error:
 * the records go nowhere, and it may come back with the same key.
 */
export class Reply {
  readonly #response: ServerResponse;
  readonly #dialect: Dialect;
  #dropped = 0;

  constructor(response: ServerResponse, dialect: Dialect) {
    this.#response = response;
    this.#dialect = dialect;
  }

  /** From here on the shim waits, and comes back when the connection breaks. */
  accept(key: string): void {
    this.#response.writeHead(200, { 'Content-Type': 'text/plain; charset=utf-8', 'Cache-Control': 'no-store', Connection: 'close' });
    this.#response.write(`A${key}\n`);
  }

  /** 6.10 glues every line of a failed call into the error the user sees, and reads none of a call that succeeded: it gets no log lines. */
  log(level: LogLevel, text: string): void {
    if (this.#dialect === '6.10' || this.#response.destroyed || this.#response.writableEnded) return;
    if (this.#response.writableLength > MAX_WAITING) {
      this.#dropped += 1;
      return;
    }
    this.#response.write(`${LETTERS[level]}${logText(text)}\n`);
  }

  succeed(lines: readonly string[]): void {
    this.#end(`${lines.map((line) => `O${line}\n`).join('')}X0\n`);
  }

  /** `status` says it to tools; a shim reads the records. It counts only when nothing was accepted yet. */
  fail(message: string, status = 200): void {
    if (!this.#response.headersSent && !this.#response.destroyed) {
      this.#response.writeHead(status, { 'Content-Type': 'text/plain; charset=utf-8', Connection: 'close' });
    }
    this.#end(`M${errorText(message)}\nX1\n`);
  }

  /** Ends the connection without an exit code: the shim comes back with the same key. */
  breakOff(): void {
    this.#response.destroy();
  }

  #end(records: string): void {
    if (this.#response.destroyed || this.#response.writableEnded) return;
    const dropped =
      this.#dropped === 0 || this.#dialect === '6.10' ? '' : `Wlog lines dropped because nobody read them: ${this.#dropped}\n`;
    this.#response.end(dropped + records);
  }
}

import { mkdtempSync, rmSync } from 'node:fs';
import { type ClientRequest, type IncomingMessage, request } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import pino from 'pino';
import type { ActionHandler, ActionOutcome, ActionRequest, ActionSink, Dialect } from '../../../controller/server/handler.ts';
import { type RunningServer, startServer } from '../../../controller/server/server.ts';

export type Script = (call: ActionRequest, sink: ActionSink, cancelled: Promise<string>) => Promise<ActionOutcome> | ActionOutcome;

export function success(stdout = ''): ActionOutcome {
  return { stdout, failure: undefined };
}

export function failure(message: string): ActionOutcome {
  return { stdout: '', failure: { reason: 'storage_failed', message } };
}

/** A handler that plays a script, and remembers what it was asked. */
export class Scripted implements ActionHandler {
  readonly calls: ActionRequest[] = [];
  readonly cancels: string[] = [];
  readonly #script: Script;
  readonly #cancel = new Map<string, (reason: string) => void>();
  readonly #waiting: { count: number; resolve: () => void }[] = [];

  constructor(script: Script) {
    this.#script = script;
  }

  async run(call: ActionRequest, sink: ActionSink): Promise<ActionOutcome> {
    const cancelled = new Promise<string>((resolve) => this.#cancel.set(call.key, resolve));
    this.calls.push(call);
    for (const waiting of this.#waiting) if (this.calls.length >= waiting.count) waiting.resolve();
    return await this.#script(call, sink, cancelled);
  }

  /** Resolves when so many calls have arrived. */
  async called(count = 1): Promise<void> {
    if (this.calls.length >= count) return;
    await new Promise<void>((resolve) => this.#waiting.push({ count, resolve }));
  }

  cancel(key: string, reason: string): boolean {
    const cancel = this.#cancel.get(key);
    if (cancel === undefined) return false;
    this.cancels.push(key);
    cancel(reason);
    return true;
  }

  list(): readonly [] {
    return [];
  }

  get(): undefined {
    return undefined;
  }
}

/** A temporary directory with servers in it, and its end. */
export class Place {
  readonly directory = mkdtempSync(join(tmpdir(), 'onestorage-srv-'));
  readonly socket = join(this.directory, 'c.sock');
  readonly #servers: RunningServer[] = [];

  async serve(handler: ActionHandler, dialect: Dialect = '7'): Promise<RunningServer> {
    const server = await startServer({ socket: this.socket, handler, dialect, log: pino({ level: 'silent' }) });
    this.#servers.push(server);
    return server;
  }

  async end(): Promise<void> {
    for (const server of this.#servers) await server.stop();
    rmSync(this.directory, { recursive: true, force: true });
  }
}

export interface Answer {
  readonly status: number;
  readonly body: string;
}

export async function bodyOf(response: IncomingMessage): Promise<string> {
  let body = '';
  for await (const chunk of response.setEncoding('utf8')) body += String(chunk);
  return body;
}

/** One HTTP call on the socket. */
export async function ask(
  socketPath: string,
  method: string,
  path: string,
  headers: Record<string, string> = {},
  body: string | Buffer = '',
): Promise<Answer> {
  return await new Promise((resolve, reject) => {
    const call: ClientRequest = request({ socketPath, method, path, headers }, (response) => {
      bodyOf(response).then((text) => resolve({ status: response.statusCode ?? 0, body: text }), reject);
    });
    call.on('error', reject);
    call.end(body);
  });
}

/** A call of an action, as the shim makes it. */
export async function formOf(argv: readonly string[], stdin?: string): Promise<{ headers: Record<string, string>; body: Buffer }> {
  const form = new FormData();
  for (const word of argv) form.append('argv', word);
  if (stdin !== undefined) form.append('stdin', stdin);
  const encoded = new Response(form);
  return {
    headers: { 'content-type': encoded.headers.get('content-type') ?? '', 'idempotency-key': crypto.randomUUID() },
    body: Buffer.from(await encoded.arrayBuffer()),
  };
}

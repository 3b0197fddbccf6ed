import { asStorageError, REASONS, StorageError } from '../../runtime/errors.ts';
import type { Operations } from '../../runtime/operations/operations.ts';
import type { LogLevel, OperationHandle, OperationKind, OperationRecord } from '../../runtime/operations/types.ts';
import { formatDuration } from '../../runtime/units.ts';
import type { ActionName } from '../../shims/actions.ts';
import { parseWords } from '../../shims/words.ts';
import { driverOf } from '../drivers.ts';
import { flowOf } from '../flows/flows.ts';
import type { ActionHandler, ActionOutcome, ActionRequest, ActionSink } from '../server/handler.ts';
import { aboutAction, verbOf } from './about.ts';
import { type ActionInput, type ActionResult, actionKind } from './action-kind.ts';
import type { Admission } from './admission.ts';
import { EARLIER_LIMIT, earlierCalls } from './earlier.ts';
import { type ActiveAction, supersededBy } from './supersede.ts';
import { type ActionServices, Begun, flowTools } from './tools.ts';

export interface ActionsOptions {
  readonly services: ActionServices;
  readonly admission: Admission;
  readonly operations: Operations;
}

/** The calls of shims, as operations: started or attached to, superseded, cancelled, listed. */
export class Actions implements ActionHandler {
  readonly #services: ActionServices;
  readonly #operations: Operations;
  readonly #kind: OperationKind<ActionInput, ActionResult>;
  readonly #active = new Map<string, ActiveAction>();
  /** Reads are not journaled: run again they do no harm. */
  readonly #reads = new Map<string, AbortController>();

  constructor({ services, admission, operations }: ActionsOptions) {
    this.#services = services;
    this.#operations = operations;
    this.#kind = actionKind({
      services,
      admission,
      earlier: (id, subject) => earlierCalls(operations.list({ all: true, limit: EARLIER_LIMIT }), id, subject),
      onBegin: (action) => this.#active.set(action.id, action),
    });
    operations.register(this.#kind);
  }

  async run(request: ActionRequest, sink: ActionSink): Promise<ActionOutcome> {
    try {
      driverOf(request.action, request.driver, request.suffix);
      const flow = flowOf(request.action);
      const { stdout } = flow.class === undefined ? await this.#read(request, sink) : await this.#operate(request, sink);
      return { stdout, failure: undefined };
    } catch (thrown) {
      const error = asStorageError(thrown);
      return { stdout: '', failure: { reason: error.reason, message: failureText(request, error) } };
    }
  }

  cancel(key: string, reason: string): boolean {
    const read = this.#reads.get(key);
    read?.abort(new StorageError('cancelled', reason));
    return read !== undefined || this.#operations.cancel(key, new StorageError('cancelled', reason));
  }

  list(all: boolean): readonly OperationRecord[] {
    return this.#operations.list({ all, limit: 200 });
  }

  get(id: string): OperationRecord | undefined {
    return this.#operations.get(id);
  }

  /** What a new call could supersede. */
  underWay(): readonly ActiveAction[] {
    return this.#underWay();
  }

  async #operate(request: ActionRequest, sink: ActionSink): Promise<ActionResult> {
    const { key: id, action, suffix, driver, argv, stdin } = request;
    const known = this.#operations.get(id) !== undefined;
    const about = aboutAction(action, parseWords(action, argv), stdin, this.#services.config.datastores);
    const input: ActionInput = {
      key: id,
      action,
      ...(suffix === undefined ? {} : { suffix }),
      driver,
      argv: [...argv],
      stdin,
      resources: [...about.resources],
      targets: [...about.targets],
      hosts: [...about.hosts],
    };
    const supersedes = known ? [] : supersededBy({ id, action, targets: about.targets }, this.#underWay());
    if (!known) this.#active.set(id, { id, action, targets: about.targets });
    const handle = this.#operations.submit(this.#kind, { id, subject: about.subject, input, supersedes });
    const waiting = this.#limitWait(id, about.resources);
    try {
      return await outcomeOf(handle, sink);
    } finally {
      clearTimeout(waiting);
    }
  }

  async #read(request: ActionRequest, sink: ActionSink): Promise<ActionResult> {
    const { key, action, driver, suffix, argv, stdin } = request;
    const abort = new AbortController();
    this.#reads.set(key, abort);
    try {
      const context = {
        subject: verbOf(action),
        attempt: 1,
        signal: abort.signal,
        step: <T>(_name: string, work: () => Promise<T>): Promise<T> => work(),
        commit: () => undefined,
        report: () => undefined,
        count: () => undefined,
        log: (level: LogLevel, text: string) => sink.log(level, text),
      };
      const services = this.#services;
      const tools = flowTools({
        services,
        context,
        key,
        action,
        class: undefined,
        driver,
        suffix,
        stdin,
        begun: new Begun(),
        cancelOthers: (actions, { datastoreId, path }) => this.#cancelOthers(actions, `${datastoreId}/${path}`, context.signal),
      });
      return { stdout: await flowOf(action).run(parseWords(action, argv), tools) };
    } finally {
      this.#reads.delete(key);
    }
  }

  async #cancelOthers(actions: readonly ActionName[], target: string, signal: AbortSignal): Promise<readonly string[]> {
    const meant = this.#underWay().filter((one) => actions.includes(one.action) && one.targets.includes(target));
    const stopped = meant.filter(({ id }) => this.#operations.cancel(id, new StorageError('cancelled', 'the backup was cancelled')));
    const subjects = stopped.map(({ id }) => this.#operations.get(id)?.subject ?? id);
    for (const { id } of stopped) for await (const _ of this.#operations.watch(id)?.events(signal) ?? []);
    return subjects;
  }

  /** Those of an earlier run of the daemon too, for which no shim waits yet. */
  #underWay(): readonly ActiveAction[] {
    const ids = new Set(this.#operations.list({ all: false, limit: 1 }).map((record) => record.id));
    for (const id of this.#active.keys()) if (!ids.has(id)) this.#active.delete(id);
    return [...this.#active.values()];
  }

  /** One that waits for others too long ends with a line that names them, instead of holding one of oned's threads for ever. */
  #limitWait(id: string, resources: readonly string[]): NodeJS.Timeout {
    const ms = this.#services.config.deadlines.wait_seconds * 1000;
    return setTimeout(() => {
      if (this.#operations.get(id)?.state !== 'waiting') return;
      const others = this.#operations.list({ all: false, limit: 1000 }).filter((record) => record.id !== id && record.state !== 'waiting');
      const holders = others.slice(0, 3).map((record) => `${record.subject} (operation ${record.id})`);
      const text = `waited ${formatDuration(ms)} for ${resources.join(', ')}; under way: ${holders.join(', ')}`;
      this.#operations.cancel(id, new StorageError('busy', text));
    }, ms);
  }
}

async function outcomeOf(handle: OperationHandle<ActionResult>, sink: ActionSink): Promise<ActionResult> {
  for await (const event of handle.events(new AbortController().signal)) {
    if (event.type === 'log') sink.log(event.level, event.text);
  }
  return await handle.done;
}

/** What says what to do already, or nothing can be done about. */
const WITHOUT_HINT = new Set(['cancelled', 'superseded', 'unsupported', 'too_old', 'bad_argument', 'not_found', 'busy']);

/** `clone: no space left … (needs 20.0 GiB, has 3.1 GiB; free space in the datastore, or use another one)`, `clone: … (b0ff3406): a part of the chain …` */
function failureText({ action }: ActionRequest, error: StorageError): string {
  const verb = verbOf(action);
  const text = error.message.startsWith(`${action}: `) ? error.message.slice(action.length + 2) : error.message;
  if (WITHOUT_HINT.has(error.reason)) return `${verb}: ${text}`;
  const { hint } = REASONS[error.reason];
  if (!text.endsWith(')')) return `${verb}: ${text} (${hint})`;
  // Two brackets one after the other read badly: the hint joins a remark of words, and follows an id or a name.
  return /\([^()]* [^()]*\)$/u.test(text) ? `${verb}: ${text.slice(0, -1)}; ${hint})` : `${verb}: ${text}: ${hint}`;
}

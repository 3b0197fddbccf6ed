import { z } from 'zod';
import type { OperationContext, OperationKind, UndoContext } from '../../runtime/operations/types.ts';
import { ACTIONS, type ActionName } from '../../shims/actions.ts';
import { parseWords } from '../../shims/words.ts';
import { flowOf } from '../flows/flows.ts';
import type { Admission } from './admission.ts';
import { mustBeUnderstood } from './compatible.ts';
import { giveUp } from './give-up.ts';
import type { ActiveAction } from './supersede.ts';
import { type ActionServices, Begun, flowTools } from './tools.ts';

const actionName = z.custom<ActionName>((value) => typeof value === 'string' && Object.hasOwn(ACTIONS, value), 'not an action');

const actionInput = z.object({
  /** The Idempotency-Key of the call, and the id of the operation. */
  key: z.string(),
  action: actionName,
  suffix: z.string().optional(),
  driver: z.string(),
  argv: z.array(z.string()),
  /** As it came. It may hold secrets: the journal is 0600, and forgets it when the action ends. */
  stdin: z.string(),
  resources: z.array(z.string()),
  targets: z.array(z.string()),
  hosts: z.array(z.string()),
});

export type ActionInput = z.infer<typeof actionInput>;
export interface ActionResult {
  readonly stdout: string;
}

export interface ActionKindOptions {
  readonly services: ActionServices;
  readonly admission: Admission;
  /** Ids of the ended calls with the same words as this one, newest first. */
  earlier(id: string, subject: string): readonly string[];
  /** Told of every action before it asks for its locks, of those of an earlier run of the daemon too. */
  onBegin(action: ActiveAction): void;
}

/** Every action of a shim is one operation of the controller: its steps are the operations of agents. */
export function actionKind({ services, admission, earlier, onBegin }: ActionKindOptions): OperationKind<ActionInput, ActionResult> {
  const begun = new Map<string, Begun>();
  return {
    name: 'action',
    input: actionInput,
    forgetInput: true,
    resources: (input) => {
      onBegin({ id: input.key, action: input.action, targets: input.targets });
      return input.resources;
    },
    run: async (input, context) => {
      const mine = new Begun();
      // What an earlier run of the daemon began is not in there: then the agents are asked, see giveUp.
      if (context.attempt === 1) begun.set(context.operationId, mine);
      const { key, action, driver, suffix, stdin } = input;
      const flow = flowOf(action);
      const release = flow.class === undefined ? undefined : await admit(flow.class, input, context);
      // What is committed is not undone: then nobody asks any more what was begun.
      const commit = (): void => {
        context.commit();
        begun.delete(key);
      };
      let judged: Promise<void> | undefined;
      const beforeChange = (): Promise<void> => {
        // Taken up again after a restart it may have changed something already, and goes on.
        if (context.attempt === 1) judged ??= mustBeUnderstood({ ...input, suffix, subject: context.subject }, services, context.signal);
        return judged ?? Promise.resolve();
      };
      try {
        const tools = flowTools({
          services,
          context: { ...context, commit },
          key,
          action,
          class: flow.class,
          driver,
          suffix,
          stdin,
          begun: mine,
          beforeChange,
          earlier: () => earlier(key, context.subject),
        });
        const stdout = await flow.run(parseWords(action, input.argv), tools);
        begun.delete(key);
        return { stdout };
      } finally {
        release?.();
      }
    },
    undo: async (input, { operationId, log }) => {
      const known = begun.get(operationId);
      begun.delete(operationId);
      await giveUp(input, known, services, log);
      await undoFlow(input, { operationId, log });
    },
  };

  async function undoFlow(input: ActionInput, { operationId, log }: Pick<UndoContext, 'operationId' | 'log'>): Promise<void> {
    const { key, action, driver, suffix, stdin } = input;
    const flow = flowOf(action);
    if (flow.undo === undefined) return;
    const context = {
      subject: operationId,
      attempt: 1,
      signal: new AbortController().signal,
      step: <T>(_name: string, work: () => Promise<T>): Promise<T> => work(),
      commit: () => undefined,
      report: () => undefined,
      count: () => undefined,
      log,
    };
    const tools = flowTools({ services, context, key, action, class: flow.class, driver, suffix, stdin, begun: new Begun() });
    await flow.undo(parseWords(action, input.argv), tools);
  }

  function admit(
    wanted: NonNullable<ReturnType<typeof flowOf>['class']>,
    input: ActionInput,
    context: OperationContext,
  ): Promise<() => void> {
    // The front-end is the source of every deployment: counted as a host, it would let one busy host stop all others.
    const { frontEnd } = services.hosts;
    const hosts = input.hosts.filter((name) => name !== '' && services.hosts.find(name).address !== frontEnd.address);
    const holder = `${context.subject} (operation ${context.operationId})`;
    const request = { class: wanted, hosts, holder };
    return admission.enter(request, services.config.deadlines.wait_seconds * 1000, context.signal, (holders) =>
      context.log('info', `waits for one of the ${wanted} slots, held by ${holders}`),
    );
  }
}

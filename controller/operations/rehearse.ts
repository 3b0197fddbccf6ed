import { asStorageError, type StorageError } from '../../runtime/errors.ts';
import { parseWords } from '../../shims/words.ts';
import { flowOf } from '../flows/flows.ts';
import type { ActionRequest } from '../server/handler.ts';
import { Recorder } from './recorder.ts';
import { type ActionServices, Begun, flowTools } from './tools.ts';

export interface Rehearsal {
  readonly recorder: Recorder;
  /** Why it would fail, by what is known without doing anything. */
  readonly failure: StorageError | undefined;
}

/**
 * Runs the flow of an action with tools that write down what they are asked for, and do nothing. What only reads (OpenNebula, machine ids, listings of
 * backups) is really asked, because flows decide by it. Throws when `signal` aborts, and for words that are none of the action.
 */
export async function rehearse(
  { action, driver, suffix, argv, stdin, key, subject }: ActionRequest & { readonly subject: string },
  services: ActionServices,
  signal: AbortSignal,
): Promise<Rehearsal> {
  const flow = flowOf(action);
  const words = parseWords(action, argv);
  const recorder = new Recorder();
  const context = {
    subject,
    attempt: 1,
    signal,
    step: <T>(_name: string, work: () => Promise<T>): Promise<T> => work(),
    commit: () => recorder.commit(),
    report: () => undefined,
    count: () => undefined,
    log: (_level: string, text: string) => void recorder.remarks.push(text),
  };
  const real = flowTools({ services, context, key, action, class: flow.class, driver, suffix, stdin, begun: new Begun() });
  try {
    await flow.run(words, recorder.tools(real));
    return { recorder, failure: undefined };
  } catch (thrown) {
    signal.throwIfAborted();
    return { recorder, failure: asStorageError(thrown) };
  }
}

import { asStorageError } from '../../runtime/errors.ts';

export type Severity = 'error' | 'warning';

/** Something an operator got wrong, or that will go wrong. */
export interface Problem {
  /** error: an action fails because of it; warning: one will, or only some do. */
  readonly severity: Severity;
  /** Whom or what it is about: a host, a file, a datastore. */
  readonly subject: string;
  readonly text: string;
  readonly remedy: string;
}

export interface CheckResult {
  readonly check: string;
  readonly problems: readonly Problem[];
  /** Why it could not be checked; undefined: it was. */
  readonly unchecked: string | undefined;
}

/** One check. What it throws is why it could not be made. */
export async function check(name: string, work: () => Promise<readonly Problem[]>): Promise<CheckResult> {
  try {
    return { check: name, problems: await work(), unchecked: undefined };
  } catch (thrown) {
    return { check: name, problems: [], unchecked: asStorageError(thrown).message };
  }
}

/** Work that fails is a problem itself. */
export async function must(subject: string, remedy: string, work: () => Promise<unknown>): Promise<readonly Problem[]> {
  try {
    await work();
    return [];
  } catch (thrown) {
    return [{ severity: 'error', subject, text: asStorageError(thrown).message, remedy }];
  }
}

import { writeSync } from 'node:fs';
import { asStorageError, REASONS } from './errors.ts';

/** An error for a person: one line that says what and where, one that says what to do. */
export function failureText(program: string, thrown: unknown): string {
  const error = asStorageError(thrown);
  const stack = error.reason === 'internal' && error.detail !== undefined ? `${error.detail}\n` : '';
  return `${program}: ${error.message}\n  hint: ${REASONS[error.reason].hint}\n${stack}`;
}

/** Writes it to standard error at once, also when the process ends right after. */
export function reportFailure(program: string, thrown: unknown): void {
  writeSync(2, failureText(program, thrown));
}

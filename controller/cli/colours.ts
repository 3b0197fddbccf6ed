import { styleText } from 'node:util';

/** What operators look for first. Words of operations, of doctor's findings, and of what a listing says about a place. */
const COLOURS = {
  succeeded: 'green',
  ok: 'green',
  ready: 'green',
  whole: 'green',
  running: 'cyan',
  undoing: 'yellow',
  waiting: 'yellow',
  cancelled: 'yellow',
  warning: 'yellow',
  'not checked': 'yellow',
  failed: 'red',
  error: 'red',
} as const satisfies Readonly<Record<string, 'green' | 'cyan' | 'yellow' | 'red'>>;

/** A state in its colour; any other word as it is. Plain where standard output is no terminal, or with NO_COLOR in the environment. */
export function state(word: string): string {
  return Object.hasOwn(COLOURS, word) ? styleText(COLOURS[word as keyof typeof COLOURS], word) : word;
}

/** What is wrong, in words. */
export function alarm(text: string): string {
  return styleText('red', text);
}

import { oneLine } from '../../runtime/errors.ts';

/** What OpenNebula can read without harm (contract 1.4). */

const MAX_ERROR = 1000;
const MAX_LOG = 4000;

/** Sequences of terminals. */
const ESCAPES = new RegExp(`${String.fromCharCode(27)}(?:\\[[0-?]*[ -/]*[@-~]|[@-Z\\\\-_])`, 'g');

function plain(text: string, limit: number): string {
  const line = oneLine(text.replace(ESCAPES, ''));
  return line.length > limit ? `${line.slice(0, limit - 1).replace(/[\ud800-\udbff]$/, '')}…` : line;
}

/**
 * The text of a log line. oned takes a number at its start for the id of a VM, and may crash when there is no such VM, so text never starts
 * with a digit.
 */
export function logText(text: string): string {
  const line = plain(text, MAX_LOG);
  return /^[0-9]/.test(line) ? `onestorage: ${line}` : line;
}

/**
 * The one line a user sees. Besides a digit it must not start with `-` (oned then shows nothing) nor like a log line (it would go to the log).
 */
export function errorText(text: string): string {
  const line = plain(text, MAX_ERROR);
  if (line === '') return 'onestorage: failed without a message';
  return /^(?:[0-9-]|(?:ERROR|INFO|WARN|DEBUG):)/.test(line) ? `onestorage: ${line}` : line;
}

/** Output as the lines that may be printed. A second line of a one-line action would reach oned as a message of its own. */
export function outputLines(text: string, rule: 'none' | 'line' | 'lines'): readonly string[] {
  if (rule === 'none') return [];
  if (rule === 'line') {
    const line = oneLine(text);
    return line === '' ? [] : [line];
  }
  return text
    .replace(/\n+$/, '')
    .split('\n')
    .map((line) => oneLine(line.replaceAll('\t', '  ')))
    .filter((line) => line !== '');
}

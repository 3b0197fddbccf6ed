import { expect } from 'vitest';
import type { ActionResult, MadSite } from '../lab/opennebula/mad.ts';

/** What must not reach a person at 3 a.m.: traces, names of temporary files, and words that only the authors know. */
const INTERNAL: readonly (readonly [string, RegExp])[] = [
  ['a stack trace', /\bat (?:async )?\S+ ?\(|\bat (?:file|node):|\.ts:\d+/],
  ['a temporary name', /\.onestorage\./],
  [
    'a word of gRPC',
    /\bgrpc\b|UNAVAILABLE|DEADLINE_EXCEEDED|RESOURCE_EXHAUSTED|FAILED_PRECONDITION|INVALID_ARGUMENT|RST_STREAM|\bINTERNAL\b/i,
  ],
  ['a word of the program', /StorageError|TypeError|failpoint|\bzod\b|capability|AbortError|\bstage\b|\[object|\bundefined\b|\bNaN\b/],
  ['a code of the kernel', /\bUND_ERR_|\bE(?:NOENT|CONNREFUSED|CONNRESET|PIPE|NOSPC|ACCES|XIST|LOOP)\b/],
  ['a defect reported as one', /this is a defect of onestorage/],
];
const LONGEST = 400;

/** The one line oned shows for a failed action, after everything that is always asked of it (contract 1.4). */
export function errorLine(result: ActionResult | undefined, version: MadSite['version'] = '7'): string {
  if (result === undefined) throw new Error('no action ran');
  expect(result.exit, `${result.action} should fail; it printed ${JSON.stringify(result.stdout)}`).not.toBe(0);
  expect(result.stdout, 'a failed action prints no result').toBe('');
  const lines = result.stderr.split('\n').filter((line) => line !== '');
  const errors = version === '7' ? lines.filter((line) => !/^(?:ERROR|INFO|WARN|DEBUG): /.test(line)) : lines;
  expect(errors, 'exactly one line is the error').toHaveLength(1);
  const [line = ''] = errors;
  expect(line, 'oned takes a number at the start for a VM, and a dash for nothing').toMatch(/^[^\d\s-]/);
  expect(line.length, line).toBeLessThanOrEqual(LONGEST);
  for (const [what, pattern] of INTERNAL) expect(line, `the line holds ${what}`).not.toMatch(pattern);
  for (const { objectId, text } of result.log) expect(objectId, `log line that begins with a number: ${text}`).toBe(-1);
  expect(result.info).toBe(line.trim());
  return line;
}

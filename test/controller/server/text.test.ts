import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { errorText, logText, outputLines } from '../../../controller/server/text.ts';

describe('what OpenNebula reads', () => {
  it.each([
    ['512 blocks copied', 'onestorage: 512 blocks copied'],
    ['copied 512', 'copied 512'],
    ['\u001b[31mred\u001b[0m\n two', 'red  two'],
    ['\n 7 things', 'onestorage: 7 things'],
  ])('log %j', (text, expected) => {
    expect(logText(text)).toBe(expected);
  });

  it.each([
    ['- nothing', 'onestorage: - nothing'],
    ['INFO: this would go to the log', 'onestorage: INFO: this would go to the log'],
    ['104 is full', 'onestorage: 104 is full'],
    ['', 'onestorage: failed without a message'],
    ['clone: no space left', 'clone: no space left'],
  ])('error %j', (text, expected) => {
    expect(errorText(text)).toBe(expected);
  });

  it('cuts an error that is far too long', () => {
    expect(errorText('x'.repeat(5000))).toHaveLength(1000);
  });

  it.each([
    ['a b\n', 'line', ['a b']],
    ['a\nb\n', 'line', ['a b']],
    ['', 'line', []],
    ['a\nb\r\n\nc\n', 'lines', ['a', 'b', 'c']],
    ['anything', 'none', []],
  ] as const)('output %j as %s', (text, rule, lines) => {
    expect(outputLines(text, rule)).toEqual(lines);
  });

  it('is always one line that starts neither with a digit nor with what oned takes for something else', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary', maxLength: 60 }), (text) => {
        const control = /[\p{Cc}\u2028\u2029]/u;
        const error = errorText(text);
        return (
          !control.test(error) &&
          !control.test(logText(text)) &&
          !/^\d/.test(logText(text)) &&
          !/^(?:\d|-|$|(?:ERROR|INFO|WARN|DEBUG):)/.test(error)
        );
      }),
      { numRuns: 5000 },
    );
  });
});

import { createHash } from 'node:crypto';

/** What the first line of the first file carries instead of a hash. */
export const NO_LINE = '0'.repeat(64);

/** What a line says beside its time and its place in the chain. Words and numbers only; never a secret, never standard input. */
export type AuditEntry = Readonly<Record<string, string | number | undefined>> & { readonly event: string };

/** A name that somebody made up may be long: a line stays a line. */
const MAX_TEXT = 256;

/** SHA-256 of a line's bytes, without its line break. */
export function hashOf(line: string | Uint8Array): string {
  return createHash('sha256').update(line).digest('hex');
}

/** `{"at":"…","previous":"<hash of the line before>","event":"…",…}` without line break. */
export function encodeLine(previous: string, at: Date, entry: AuditEntry): string {
  const cut = Object.entries(entry).map(([key, value]) => [key, typeof value === 'string' ? value.slice(0, MAX_TEXT) : value] as const);
  return JSON.stringify({ at: at.toISOString(), previous, ...Object.fromEntries(cut) });
}

export interface AuditLine {
  readonly at: string;
  readonly previous: string;
  readonly event: string;
  readonly [more: string]: unknown;
}

/** undefined: this is no line of an audit log. */
export function decodeLine(line: string): AuditLine | undefined {
  let value: unknown;
  try {
    value = JSON.parse(line);
  } catch {
    return undefined;
  }
  if (typeof value !== 'object' || value === null) return undefined;
  const text = (key: string): boolean => typeof Reflect.get(value, key) === 'string';
  return text('at') && text('previous') && text('event') ? (value as AuditLine) : undefined;
}

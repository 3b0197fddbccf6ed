import { readFile } from 'node:fs/promises';
import { LineCounter, parse, parseDocument } from 'yaml';
import type { z } from 'zod';
import { asStorageError, StorageError } from './errors.ts';
import { nearest } from './nearest.ts';
import { isTextKey, keysAt } from './schema-keys.ts';

/**
 * Reads a configuration file: YAML, checked by the schema, single top-level keys overridden by the environment
 * (`ONESTORAGE_AGENT_LOG_LEVEL` is `log_level`). `bad_config` names the file, the line, the key and what is wrong, in one line.
 */
export async function loadConfig<T>(file: string, schema: z.ZodType<T>, prefix: string): Promise<T> {
  const text = await readConfig(file);
  const lines = new LineCounter();
  const document = parseDocument(text, { lineCounter: lines });
  const [broken] = document.errors;
  if (broken !== undefined) {
    throw new StorageError('bad_config', `${file}:${broken.linePos?.[0].line ?? 1}: not YAML: ${broken.message.split('\n')[0] ?? ''}`);
  }
  const values: unknown = document.toJS() ?? {};
  if (typeof values !== 'object' || Array.isArray(values)) throw new StorageError('bad_config', `${file}: expected keys and values`);
  const overrides = readOverrides(schema, prefix);
  const result = schema.safeParse({ ...values, ...Object.fromEntries(overrides) });
  if (result.success) return result.data;

  const [issue] = result.error.issues;
  if (issue === undefined) throw new StorageError('bad_config', `${file}: cannot be used`);
  const path = issue.path.map(String);
  const unknown = issue.code === 'unrecognized_keys' ? issue.keys[0] : undefined;
  const key = [...path, ...(unknown === undefined ? [] : [unknown])].join('.');
  const variable = prefix + (path[0] ?? '').toUpperCase();
  const override = path[0] !== undefined && overrides.has(path[0]);
  const where = override ? `environment variable ${variable}` : `${file}${lineOf(document, lines, issue.path, unknown)}`;
  const what = unknown === undefined ? issue.message : `unknown key${suggest(unknown, keysAt(schema, path))}`;
  throw new StorageError('bad_config', `${where}: ${key === '' ? '' : `${key}: `}${what}`);
}

async function readConfig(file: string): Promise<string> {
  try {
    return await readFile(file, 'utf8');
  } catch (thrown) {
    throw new StorageError('bad_config', `cannot read the configuration: ${asStorageError(thrown).message}`, { cause: thrown });
  }
}

/** Keys set by the environment. Text stays text where the schema wants text; elsewhere YAML's words are understood. */
function readOverrides(schema: z.ZodType, prefix: string): Map<string, unknown> {
  const known = keysAt(schema, []);
  const found = new Map<string, unknown>();
  for (const [variable, value] of Object.entries(process.env)) {
    if (!variable.startsWith(prefix) || value === undefined) continue;
    const key = variable.slice(prefix.length).toLowerCase();
    if (!known.includes(key)) {
      const near = nearest(key, known);
      const advice = near === undefined ? '' : `; did you mean ${prefix}${near.toUpperCase()}?`;
      throw new StorageError('bad_config', `environment variable ${variable}: there is no key ${key}${advice}`);
    }
    found.set(key, isTextKey(schema, key) ? value : parseValue(variable, value));
  }
  return found;
}

function parseValue(variable: string, value: string): unknown {
  try {
    return parse(value);
  } catch (thrown) {
    throw new StorageError('bad_config', `environment variable ${variable}: not a YAML value`, { cause: thrown });
  }
}

function lineOf(
  document: ReturnType<typeof parseDocument>,
  lines: LineCounter,
  path: readonly PropertyKey[],
  unknownKey: string | undefined,
): string {
  // What is missing has no line: its parent's is the nearest.
  for (let length = path.length; length >= 0; length--) {
    const node: unknown = document.getIn(path.slice(0, length), true);
    const offset = keyOffset(node, unknownKey) ?? rangeStart(node);
    if (offset !== undefined && (length > 0 || unknownKey !== undefined)) return `:${lines.linePos(offset).line}`;
  }
  return '';
}

function keyOffset(node: unknown, key: string | undefined): number | undefined {
  if (key === undefined || typeof node !== 'object' || node === null) return undefined;
  const items: unknown = Reflect.get(node, 'items');
  if (!Array.isArray(items)) return undefined;
  const pair: unknown = items.find((item) => String(item?.key) === key);
  return typeof pair === 'object' && pair !== null ? rangeStart(Reflect.get(pair, 'key')) : undefined;
}

function rangeStart(node: unknown): number | undefined {
  const range: unknown = typeof node === 'object' && node !== null ? Reflect.get(node, 'range') : undefined;
  const start: unknown = Array.isArray(range) ? range[0] : undefined;
  return typeof start === 'number' ? start : undefined;
}

function suggest(key: string, known: readonly string[]): string {
  const near = nearest(key, known);
  if (near !== undefined) return `; did you mean ${near}?`;
  return known.length === 0 ? '' : `; known: ${known.join(', ')}`;
}

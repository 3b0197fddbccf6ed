import { createHash } from 'node:crypto';
import { mkdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';
import { StorageError } from '../../runtime/errors.ts';
import { failpoint } from '../../runtime/failpoint.ts';
import { putText, readText, removeFile, type TextFile } from './files.ts';

/** A file that setup edits or makes. */
export interface Change {
  /** What a later undo knows how to take away. */
  readonly kind: Kind;
  /** As it is; undefined: it is made. */
  readonly before: TextFile | undefined;
  readonly after: TextFile;
}

export const KINDS = ['oned.conf', 'vmm_execrc', 'config'] as const;
export type Kind = (typeof KINDS)[number];

/** Takes what is ours out of a file that was changed since, or gives undefined when it cannot be told apart. */
export type Without = (kind: Kind, text: string, path: string) => string | undefined;

const Entry = z.strictObject({
  kind: z.enum(KINDS),
  path: z.string(),
  /** SHA-256 of the text; null: there was no file. */
  before: z.string().nullable(),
  after: z.string(),
  /** Name of the copy of what it was, beside the list. */
  backup: z.string(),
  mode: z.int(),
  uid: z.int(),
  gid: z.int(),
});
type Entry = z.infer<typeof Entry>;
const List = z.strictObject({ files: z.array(Entry) });

const hash = (text: string): string => createHash('sha256').update(text, 'latin1').digest('hex');

/**
 * Changes files, so that it can be undone: first a copy of each and the list of all are on the disk, then each file is replaced in one step.
 * Cut off anywhere, it can be called again or undone. Gives the names of the copies.
 */
export async function applyChanges(directory: string, changes: readonly Change[], without: Without): Promise<readonly string[]> {
  if (changes.length === 0) return [];
  await mkdir(directory, { recursive: true, mode: 0o700 });
  const entries = new Map((await readList(directory)).map((entry) => [entry.path, entry]));
  for (const change of changes) entries.set(change.after.path, await entryOf(directory, change, entries.get(change.after.path), without));
  await failpoint('setup.copied');
  await putList(directory, [...entries.values()]);
  for (const { kind, after } of changes) {
    await failpoint(`setup.${kind}.begin`);
    await putText(after);
    await failpoint(`setup.${kind}.end`);
  }
  return [...entries.values()].filter(({ before }) => before !== null).map(({ backup }) => join(directory, backup));
}

async function entryOf(directory: string, { kind, before, after }: Change, known: Entry | undefined, without: Without): Promise<Entry> {
  const now = before === undefined ? null : hash(before.text);
  // Its first state stays the one to go back to: after a crash, and when a later version of setup adds to what it made.
  if (known !== undefined && (now === known.before || now === known.after)) return { ...known, after: hash(after.text) };
  // Changed by hand since: back to that, without what is ours.
  const text =
    before === undefined ? undefined : known === undefined ? before.text : (without(kind, before.text, before.path) ?? before.text);
  const { mode, owner } = before ?? after;
  const backup = `${kind}.${text === undefined ? 'none' : hash(text).slice(0, 12)}`;
  if (text !== undefined) await putText({ path: join(directory, backup), text, mode: 0o600, owner: ownUser() });
  return { kind, path: after.path, before: text === undefined ? null : hash(text), after: hash(after.text), backup, mode, ...owner };
}

/** What became of a file: restored byte for byte, only ours taken out of it, made by setup and removed, or left as it is. */
export interface Undone {
  readonly path: string;
  readonly outcome: 'restored' | 'ours taken out' | 'removed' | 'kept' | 'as before';
}

/** Undoes all of it, the last change first. Cut off anywhere, it can be called again. Throws what `without` does not understand, at that file. */
export async function undoChanges(directory: string, without: Without): Promise<readonly Undone[]> {
  const entries = await readList(directory);
  const undone: Undone[] = [];
  for (const entry of entries.toReversed()) {
    await failpoint(`setup.undo.${entry.kind}`);
    undone.push({ path: entry.path, outcome: await undoOne(directory, entry, without) });
  }
  if (!undone.some(({ outcome }) => outcome === 'kept')) await rm(directory, { recursive: true, force: true });
  return undone;
}

async function undoOne(directory: string, entry: Entry, without: Without): Promise<Undone['outcome']> {
  const now = await readText(entry.path);
  const { path, mode, uid, gid } = entry;
  if (now === undefined || hash(now.text) === entry.before) return 'as before';
  if (hash(now.text) === entry.after) {
    if (entry.before === null) {
      await removeFile(path);
      return 'removed';
    }
    const backup = await readText(join(directory, entry.backup));
    if (backup === undefined || hash(backup.text) !== entry.before)
      throw new StorageError('conflict', `the copy ${join(directory, entry.backup)} is missing or was changed: ${path} was left as it is`);
    await putText({ path, text: backup.text, mode, owner: { uid, gid } });
    return 'restored';
  }
  const text = without(entry.kind, now.text, path);
  if (text === undefined) return 'kept';
  await putText({ ...now, text });
  return 'ours taken out';
}

const LIST = 'files.json';

async function readList(directory: string): Promise<readonly Entry[]> {
  const file = await readText(join(directory, LIST));
  if (file === undefined) return [];
  try {
    return List.parse(JSON.parse(file.text)).files;
  } catch (thrown) {
    throw new StorageError('bad_config', `${join(directory, LIST)} was not written by onestorage setup`, { cause: thrown });
  }
}

async function putList(directory: string, files: readonly Entry[]): Promise<void> {
  const text = `${JSON.stringify({ files }, undefined, 2)}\n`;
  await putText({ path: join(directory, LIST), text, mode: 0o600, owner: ownUser() });
}

const ownUser = (): { uid: number; gid: number } => ({ uid: process.getuid?.() ?? 0, gid: process.getgid?.() ?? 0 });

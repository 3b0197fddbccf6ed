import { chmodSync } from 'node:fs';
import { DatabaseSync, type StatementSync } from 'node:sqlite';
import { StorageError } from '../errors.ts';
import type { Figures, OperationState } from './types.ts';

/** A row of the journal as it is on disk. */
export interface JournalRow {
  readonly id: string;
  readonly kind: string;
  readonly subject: string;
  readonly input: string;
  readonly state: OperationState;
  readonly attempt: number;
  readonly committed: number;
  readonly created: number;
  readonly finished: number | null;
  readonly result: string | null;
  readonly reason: string | null;
  readonly message: string | null;
  readonly figures: string;
}

/** Something an operation said. */
export interface JournalLine {
  /** Milliseconds since the epoch. */
  readonly at: number;
  readonly level: string;
  readonly text: string;
}

export interface Ending {
  readonly state: OperationState;
  readonly finished: number;
  readonly result?: string;
  readonly reason?: string;
  readonly message?: string;
  readonly figures: Figures;
  readonly forgetInput: boolean;
}

const SCHEMA = `
  CREATE TABLE IF NOT EXISTS operation (
    id TEXT PRIMARY KEY, kind TEXT NOT NULL, subject TEXT NOT NULL, input TEXT NOT NULL, state TEXT NOT NULL, attempt INTEGER NOT NULL,
    committed INTEGER NOT NULL, created INTEGER NOT NULL, finished INTEGER, result TEXT, reason TEXT, message TEXT, figures TEXT NOT NULL
  ) STRICT;
  CREATE INDEX IF NOT EXISTS operation_finished ON operation (finished);
  CREATE TABLE IF NOT EXISTS step (
    operation TEXT NOT NULL, name TEXT NOT NULL, done INTEGER NOT NULL, result TEXT, PRIMARY KEY (operation, name)
  ) STRICT, WITHOUT ROWID;
  CREATE TABLE IF NOT EXISTS line (operation TEXT NOT NULL, at INTEGER NOT NULL, level TEXT NOT NULL, text TEXT NOT NULL) STRICT;
  CREATE INDEX IF NOT EXISTS line_operation ON line (operation);
`;

const COLUMNS = 'id, kind, subject, input, state, attempt, committed, created, finished, result, reason, message, figures';

/**
 * The journal of one daemon: what it was asked to do, and how far it came.
 *
 * What must be on disk before the world changes is the beginning of a step; only that is flushed. All other rows go to the write-ahead
 * log without a flush: a kill -9 loses none of them, and after a power cut a step that had ended runs again, which it may (steps are
 * idempotent). SQLite writes its log in order, so a flushed row never stands without the rows before it.
 */
export class Journal {
  readonly #database: DatabaseSync;
  readonly #statements: ReadonlyMap<string, StatementSync>;

  /** Throws `conflict` when another daemon holds the same file. */
  constructor(file: string) {
    this.#database = new DatabaseSync(file, { timeout: 1000 });
    try {
      chmodSync(file, 0o600);
      this.#database.exec(
        'PRAGMA locking_mode = EXCLUSIVE; PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL; PRAGMA secure_delete = ON;',
      );
      this.#database.exec(`BEGIN IMMEDIATE; ${SCHEMA} COMMIT;`);
    } catch (thrown) {
      this.#database.close();
      const text = thrown instanceof Error ? thrown.message : String(thrown);
      if (/locked|busy/i.test(text)) throw new StorageError('conflict', `${file} is in use: another daemon runs on this state directory`);
      throw new StorageError('storage_failed', `${file}: the journal cannot be opened: ${text}`, { cause: thrown });
    }
    this.#statements = new Map(
      Object.entries({
        find: `SELECT ${COLUMNS} FROM operation WHERE id = ?`,
        create: `INSERT INTO operation (${COLUMNS}) VALUES (?, ?, ?, ?, 'waiting', 0, 0, ?, NULL, NULL, NULL, NULL, '{}')`,
        attempt: "UPDATE operation SET attempt = attempt + 1, state = 'running' WHERE id = ?",
        commit: 'UPDATE operation SET committed = 1 WHERE id = ?',
        undo: "UPDATE operation SET state = 'undoing', reason = ?, message = ? WHERE id = ?",
        finish: 'UPDATE operation SET state = ?, finished = ?, result = ?, reason = ?, message = ?, figures = ? WHERE id = ?',
        forget: "UPDATE operation SET input = 'null' WHERE id = ?",
        forgetSteps: 'DELETE FROM step WHERE operation = ?',
        steps: 'SELECT name, result FROM step WHERE operation = ? AND done = 1',
        begin: 'INSERT OR REPLACE INTO step (operation, name, done, result) VALUES (?, ?, 0, NULL)',
        end: 'UPDATE step SET done = 1, result = ? WHERE operation = ? AND name = ?',
        unfinished: `SELECT ${COLUMNS} FROM operation WHERE finished IS NULL ORDER BY created, rowid`,
        finished: `SELECT ${COLUMNS} FROM operation WHERE finished IS NOT NULL ORDER BY finished DESC, rowid DESC LIMIT ?`,
        addLine: 'INSERT INTO line (operation, at, level, text) VALUES (?, ?, ?, ?)',
        lines: 'SELECT at, level, text FROM line WHERE operation = ? ORDER BY rowid',
        pruneLines: 'DELETE FROM line WHERE operation NOT IN (SELECT id FROM operation)',
        prune: 'DELETE FROM operation WHERE finished IS NOT NULL AND finished < ?',
      }).map(([name, text]) => [name, this.#database.prepare(text)]),
    );
  }

  find(id: string): JournalRow | undefined {
    return this.#prepared('find').get(id) as unknown as JournalRow | undefined;
  }

  create(row: Pick<JournalRow, 'id' | 'kind' | 'subject' | 'input' | 'created'>): void {
    this.#prepared('create').run(row.id, row.kind, row.subject, row.input, row.created);
  }

  newAttempt(id: string): void {
    this.#prepared('attempt').run(id);
  }

  /** The steps that have ended, with what they returned. */
  finishedSteps(id: string): ReadonlyMap<string, string | null> {
    const rows = this.#prepared('steps').all(id) as unknown as { name: string; result: string | null }[];
    return new Map(rows.map((row) => [row.name, row.result]));
  }

  /** On disk when it returns. */
  beginStep(id: string, name: string): void {
    this.#database.exec('PRAGMA synchronous = FULL');
    try {
      this.#prepared('begin').run(id, name);
    } finally {
      this.#database.exec('PRAGMA synchronous = NORMAL');
    }
  }

  endStep(id: string, name: string, result: string | null): void {
    this.#prepared('end').run(result, id, name);
  }

  /** On disk with the next step's beginning at the latest, and nothing changes in between. */
  commit(id: string): void {
    this.#prepared('commit').run(id);
  }

  beginUndo(id: string, reason: string, message: string): void {
    this.#prepared('undo').run(reason, message, id);
  }

  finish(id: string, ending: Ending): void {
    const { state, finished, result, reason, message, figures } = ending;
    this.#prepared('finish').run(state, finished, result ?? null, reason ?? null, message ?? null, JSON.stringify(figures), id);
    this.#prepared('forgetSteps').run(id);
    if (ending.forgetInput) this.#prepared('forget').run(id);
  }

  unfinished(): readonly JournalRow[] {
    return this.#prepared('unfinished').all() as unknown as JournalRow[];
  }

  finished(limit: number): readonly JournalRow[] {
    return this.#prepared('finished').all(limit) as unknown as JournalRow[];
  }

  addLine(id: string, { at, level, text }: JournalLine): void {
    this.#prepared('addLine').run(id, at, level, text);
  }

  lines(id: string): readonly JournalLine[] {
    return this.#prepared('lines').all(id) as unknown as JournalLine[];
  }

  /** Forgets operations that ended before this time (ms since the epoch), and their lines. */
  prune(before: number): void {
    this.#prepared('prune').run(before);
    this.#prepared('pruneLines').run();
  }

  get isOpen(): boolean {
    return this.#database.isOpen;
  }

  close(): void {
    if (this.#database.isOpen) this.#database.close();
  }

  #prepared(name: string): StatementSync {
    const statement = this.#statements.get(name);
    if (statement === undefined) throw new Error(`no statement ${name}`);
    return statement;
  }
}

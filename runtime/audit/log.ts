import { close, closeSync, fchmodSync, fdatasync, fdatasyncSync, openSync, renameSync, rmSync, writeSync } from 'node:fs';
import { asStorageError } from '../errors.ts';
import type { Logger } from '../log.ts';
import { type AuditEntry, encodeLine, hashOf } from './chain.ts';
import { hashBefore, readTail, rotatedName, rotatedNumbers } from './files.ts';

/** The longest that a line waits for the disk. A kill loses none: the kernel has it. */
const SYNC_MS = 1000;
const MAX_BYTES = 16 * 1024 * 1024;
const KEPT_FILES = 20;

export interface AuditOptions {
  readonly file: string;
  readonly log: Logger;
  /** A file is rotated away when it is this big. */
  readonly maxBytes?: number;
  /** Files rotated away that are kept. */
  readonly keep?: number;
}

/** What is told to the audit log, and by whom: a daemon. */
export interface Audit {
  append(entry: AuditEntry): void;
}

/**
 * Who asked this daemon for what, and what became of it: JSON lines, each with the hash of the line before. One daemon a file.
 *
 * `append` writes at once and never throws: a full disk must not stop the removal of disks. What could not be written is counted, and said
 * by the next line that can.
 */
export class AuditLog implements Audit {
  readonly #options: Required<AuditOptions>;
  #fd: number;
  #size: number;
  #previous: string;
  /** Bytes of a line that was cut; the next line says so. */
  #torn: number | undefined;
  /** Does the next line have to end the cut one first? */
  #open: boolean;
  #unsaid = 0;
  #lost = 0;
  #timer: NodeJS.Timeout | undefined;
  #closed = false;

  /** Opens the file, and goes on with its chain. Throws storage_failed, no_space or restricted_path. */
  constructor(options: AuditOptions) {
    this.#options = { maxBytes: MAX_BYTES, keep: KEPT_FILES, ...options };
    const { file, log } = this.#options;
    try {
      this.#fd = openSync(file, 'a+', 0o600);
      fchmodSync(this.#fd, 0o600);
      const tail = readTail(this.#fd);
      this.#size = tail.size;
      this.#previous = tail.previous ?? hashBefore(file);
      this.#torn = tail.torn;
      this.#open = !tail.ended;
    } catch (thrown) {
      throw asStorageError(thrown, 'the audit log');
    }
    // The daemon's own log is kept elsewhere: an end that was cut off shows there.
    log.info({ file, head: this.#previous }, 'audit log');
  }

  /** Hash of the last line. */
  get head(): string {
    return this.#previous;
  }

  /** Lines that could not be written since the start. */
  get lost(): number {
    return this.#lost;
  }

  append(entry: AuditEntry): void {
    if (this.#closed) return;
    try {
      if (this.#size >= this.#options.maxBytes) this.#rotate();
      if (this.#torn !== undefined || this.#unsaid > 0) this.#mend();
      this.#write(entry);
    } catch (thrown) {
      this.#lost += 1;
      this.#unsaid += 1;
      if (this.#unsaid === 1)
        this.#options.log.error({ err: asStorageError(thrown), file: this.#options.file }, 'the audit log cannot be written');
    }
  }

  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    clearTimeout(this.#timer);
    try {
      fdatasyncSync(this.#fd);
      closeSync(this.#fd);
    } catch (thrown) {
      this.#options.log.error({ err: asStorageError(thrown) }, 'the audit log cannot be written');
    }
  }

  #mend(): void {
    const said = this.#unsaid;
    this.#write({ event: 'mended', torn: this.#torn ?? 0, lost: said });
    this.#torn = undefined;
    this.#unsaid = 0;
  }

  #write(entry: AuditEntry): void {
    const line = Buffer.from(encodeLine(this.#previous, new Date(), entry));
    const lead = this.#open ? '\n' : '';
    const bytes = Buffer.concat([Buffer.from(lead), line, Buffer.from('\n')]);
    const written = writeSync(this.#fd, bytes);
    this.#size += written;
    if (written > 0) this.#sync();
    if (written < bytes.length) {
      this.#cut(line.subarray(0, Math.max(0, written - lead.length)), written >= lead.length);
      throw new Error(`${written} of ${bytes.length} bytes were written`);
    }
    this.#open = false;
    this.#previous = hashOf(line);
  }

  /** Part of a line is in the file. */
  #cut(part: Buffer, ended: boolean): void {
    if (ended) this.#open = false;
    if (part.length === 0) return;
    this.#open = true;
    this.#torn = part.length;
    this.#previous = hashOf(part);
  }

  #sync(): void {
    this.#timer ??= setTimeout(() => {
      this.#timer = undefined;
      fdatasync(this.#fd, (error) => {
        if (error !== null && !this.#closed) this.#options.log.error({ error: error.message }, 'the audit log cannot be flushed');
      });
    }, SYNC_MS).unref();
  }

  /** Renames the file, and goes on in a new one. When that fails the old one just grows. */
  #rotate(): void {
    const { file, keep, log } = this.#options;
    const numbers = rotatedNumbers(file);
    const away = rotatedName(file, (numbers.at(-1) ?? 0) + 1);
    const old = this.#fd;
    try {
      renameSync(file, away);
      try {
        this.#fd = openSync(file, 'ax', 0o600);
      } catch (thrown) {
        renameSync(away, file);
        throw thrown;
      }
    } catch (thrown) {
      log.error({ err: asStorageError(thrown), file }, 'the audit log cannot be rotated');
      return;
    }
    fdatasync(old, () => close(old));
    this.#size = 0;
    this.#open = false;
    log.info({ file: away, head: this.#previous }, 'audit log rotated');
    for (const number of numbers.slice(0, Math.max(0, numbers.length + 1 - keep))) rmSync(rotatedName(file, number), { force: true });
  }
}

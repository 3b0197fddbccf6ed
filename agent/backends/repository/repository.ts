import type { OperationContext } from '../../../runtime/operations/types.ts';
import type { ToolContext } from '../../tools/run.ts';
import type { FileFacts } from './facts.ts';

/** What the calls of a repository need of an operation; looks have no log and no progress. */
export interface RepositoryContext extends ToolContext {
  readonly log: OperationContext['log'];
  readonly report: OperationContext['report'];
}

/** One file of a backup. */
export interface StoredFile {
  /** "disk.0.2", "vm.xml". */
  readonly name: string;
  /** Absolute: what stands in a pseudo-URL (contract 8). */
  readonly path: string;
  readonly sizeBytes: number;
  /** SHA-256 of the time of the backup; undefined: none was taken, or another program has rewritten the file since. */
  readonly sha256?: string | undefined;
  /** Virtual size, as it was then; undefined: not known without reading the file. */
  readonly virtualBytes?: number | undefined;
}

/** One backup in a repository: a snapshot, or a directory. */
export interface Backup {
  readonly backupId: string;
  readonly createdUnixMs: number;
  /** undefined: of another VM than can be told. */
  readonly vmId: number | undefined;
  readonly files: readonly Pick<StoredFile, 'name' | 'path'>[];
  /** 0: not known without reading it. */
  readonly sizeBytes: number;
  /** Backups that were merged into this one, in their order. */
  readonly merged: readonly string[];
}

export interface Upload {
  /** Holds the files. */
  readonly directory: string;
  readonly files: readonly FileFacts[];
  readonly vmId: number;
  /** Who stores it: found again by this after a crash. */
  readonly operationId: string;
  /** It may have been stored by an attempt that did not come to say so. */
  readonly again: boolean;
  readonly merged: readonly string[];
}

/** A place that keeps backups; what it has told once it may remember until it changes it itself. Errors of all: repository_*, no_space, not_found, missing_program, cancelled. */
export interface Repository {
  /** For messages: "sftp:oneadmin@backup1:/var/lib/one/datastores/105/7". */
  readonly label: string;
  /** Behind ssh: an upload that the network has ended is worth another try. Of a REST server and of S3 restic itself tries again. */
  readonly retries: boolean;
  /** Makes what must be there before anything can be stored; there already: fine. */
  prepare(sizeBytes: number, context: RepositoryContext): Promise<void>;
  /** false: nothing was ever stored. */
  exists(context: RepositoryContext): Promise<boolean>;
  /** Who holds a lock, for a person. */
  locks(context: RepositoryContext): Promise<readonly string[]>;
  /** Removes locks of dead processes. */
  unlock(context: RepositoryContext): Promise<void>;
  /** All backups, oldest first; empty when there is no repository. */
  catalog(context: RepositoryContext): Promise<readonly Backup[]>;
  /** Disks and vm.xml. Error not_found. */
  files(backupId: string, context: RepositoryContext): Promise<readonly StoredFile[]>;
  /** A file's bytes, once. */
  read(backupId: string, file: StoredFile, context: RepositoryContext): AsyncIterable<Buffer>;
  /** Stores files as one backup, which is there whole or not at all, and compares their sizes there. The same operation again: the same backup. */
  put(upload: Upload, context: RepositoryContext): Promise<string>;
  /** Takes back what an operation began to put, or has put. Nothing there: fine. */
  takeBack(operationId: string, context: RepositoryContext): Promise<void>;
  /** Not there: fine. The space is given back. */
  remove(backupIds: readonly string[], context: RepositoryContext): Promise<void>;
  /** undefined: the place does not say. */
  usage(context: RepositoryContext): Promise<{ readonly total: number; readonly used: number; readonly free: number } | undefined>;
}

/** Ids of backups as repositories make them: nothing else may become a word of a command or a part of a path. */
export function isBackupId(text: string): boolean {
  return /^[0-9a-f]{6,64}$/u.test(text);
}

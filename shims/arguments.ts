/** What a word of an action can be. `words.ts` holds the rules, the table in `actions.ts` says which word is what. */

/** A place on a host as oned writes it: `node1:/var/lib/one//datastores/0/7/disk.0`. The path is as oned sent it, not yet normalised. */
export interface HostPath {
  readonly host: string;
  readonly path: string;
}

/** An image source: with the front-end's name before it (`frontend:/…`), or without (contract 2.2, TMcc:179-186). */
export interface MaybeHostPath {
  readonly host: string | undefined;
  readonly path: string;
}

export type DiskFormat = 'raw' | 'qcow2' | 'swap';

/** The type of each kind of word. */
export interface ArgumentValues {
  id: number;
  sizeMb: number;
  snapshotId: number;
  snapshotOrCurrent: number;
  idOrAll: number;
  seconds: number;
  host: string;
  hostPath: HostPath;
  maybeHostPath: MaybeHostPath;
  path: string;
  source: string;
  file: string;
  format: DiskFormat;
  disks: readonly number[];
  deployId: string;
  job: number | undefined;
  name: string;
  flag: never;
}

export type ArgumentKind = keyof ArgumentValues;

/** Each kind for a reader; `ACTIONS.md` prints it. */
export const ARGUMENT_KINDS = {
  id: 'whole number from 0 to 2147483647',
  sizeMb: 'size in MiB, a whole number from 1',
  snapshotId: 'id of a snapshot, from 0',
  snapshotOrCurrent: 'id of a snapshot, or -1: the disk as it is now',
  idOrAll: 'id, or -1: all of them (the newest, for an increment)',
  seconds: 'whole number of seconds',
  host: 'name of a host as OpenNebula knows it',
  hostPath: '`host:/path`',
  maybeHostPath: '`host:source` or `source`: an absolute path, or `pool/image`',
  path: 'absolute path',
  source: 'SOURCE of an image: an absolute path, or `pool/image`; never with a host',
  file: 'absolute path, `path:name`, or a http(s) address',
  format: '`raw`, `qcow2` or `swap`',
  disks: 'disk ids with `:` between them: `0:2`',
  deployId: 'name or id of the domain',
  job: 'id of a backup job, or `-`',
  name: 'name of a driver',
  flag: 'this word as it stands',
} as const satisfies Readonly<Record<ArgumentKind, string>>;

export interface Argument {
  /** Key in the parsed words; of a `flag`, the word itself. */
  readonly name: string;
  readonly kind: ArgumentKind;
  /** May be absent. Only the last argument. */
  readonly optional?: true;
  /** Any number of words, one at least. At most one argument of an action. */
  readonly many?: true;
}

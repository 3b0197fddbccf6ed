/**
 * The one table of everything that can go wrong. A reason says which gRPC code it travels as, whether the same call may
 * succeed when it is made again, and what a person can do about it.
 */

/** gRPC status codes by name. Numbers, because shims and documents read this table without gRPC. */
export const GRPC_CODES = {
  OK: 0,
  CANCELLED: 1,
  UNKNOWN: 2,
  INVALID_ARGUMENT: 3,
  DEADLINE_EXCEEDED: 4,
  NOT_FOUND: 5,
  ALREADY_EXISTS: 6,
  PERMISSION_DENIED: 7,
  RESOURCE_EXHAUSTED: 8,
  FAILED_PRECONDITION: 9,
  ABORTED: 10,
  UNIMPLEMENTED: 12,
  INTERNAL: 13,
  UNAVAILABLE: 14,
  DATA_LOSS: 15,
  UNAUTHENTICATED: 16,
} as const;

export type GrpcCodeName = keyof typeof GRPC_CODES;

interface ReasonRow {
  readonly code: GrpcCodeName;
  /** May the very same call succeed later without anybody changing anything? */
  readonly again: 'no' | 'later';
  /** The next step for a person, when the message itself does not say it. */
  readonly hint: string;
}

export const REASONS = {
  bad_argument: { code: 'INVALID_ARGUMENT', again: 'no', hint: 'correct the argument and call again' },
  bad_document: { code: 'INVALID_ARGUMENT', again: 'no', hint: 'shims/ACTIONS.md says what oned sends on standard input' },
  bad_config: { code: 'FAILED_PRECONDITION', again: 'no', hint: 'correct the configuration file and start again' },
  bad_image: {
    code: 'INVALID_ARGUMENT',
    again: 'no',
    hint: 'convert the image with qemu-img to a plain raw or qcow2 file and register that',
  },
  bad_checksum: { code: 'DATA_LOSS', again: 'later', hint: 'the data differs from its checksum; fetch it again or correct the checksum' },
  outside_datastore: { code: 'PERMISSION_DENIED', again: 'no', hint: 'give a path below a datastore' },
  restricted_path: { code: 'PERMISSION_DENIED', again: 'no', hint: 'give a file in a directory that SAFE_DIRS of the datastore allows' },
  not_found: { code: 'NOT_FOUND', again: 'no', hint: 'check the name' },
  already_exists: { code: 'ALREADY_EXISTS', again: 'no', hint: 'choose another name; remove nothing that may still be needed' },
  conflict: { code: 'FAILED_PRECONDITION', again: 'no', hint: 'the state on disk does not allow this action' },
  in_use: { code: 'FAILED_PRECONDITION', again: 'later', hint: 'wait until nothing uses it, then call again' },
  broken_chain: {
    code: 'FAILED_PRECONDITION',
    again: 'no',
    hint: 'a part of the chain was removed or replaced; bring it back, if it can be had',
  },
  no_space: { code: 'RESOURCE_EXHAUSTED', again: 'later', hint: 'free space in the datastore, or use another one' },
  too_big: { code: 'RESOURCE_EXHAUSTED', again: 'no', hint: 'the input is larger than the limit' },
  busy: { code: 'RESOURCE_EXHAUSTED', again: 'later', hint: 'wait for the operations that hold it: onestorage ops list' },
  guest_agent: {
    code: 'FAILED_PRECONDITION',
    again: 'later',
    hint: 'install and start qemu-guest-agent in the guest, or set FS_FREEZE to NONE or SUSPEND',
  },
  unreachable: { code: 'UNAVAILABLE', again: 'later', hint: 'check that the host is up and onestorage-agent runs on it' },
  unavailable: {
    code: 'UNAVAILABLE',
    again: 'later',
    hint: 'start the daemon (onestorage controller, onestorage agent), or wait until it has started, and call again',
  },
  opennebula_unavailable: { code: 'UNAVAILABLE', again: 'later', hint: 'check that oned runs, and opennebula in controller.yaml' },
  opennebula_refused: {
    code: 'FAILED_PRECONDITION',
    again: 'no',
    hint: 'ask an administrator of OpenNebula for the right, or call with other values',
  },
  repository_unreachable: {
    code: 'UNAVAILABLE',
    again: 'later',
    hint: "check that the backup server is up, its address in the datastore, and its host key in known_hosts of the agent's user",
  },
  repository_denied: {
    code: 'FAILED_PRECONDITION',
    again: 'no',
    hint: 'check the keys of the datastore and the rights on the backup server',
  },
  repository_password: {
    code: 'FAILED_PRECONDITION',
    again: 'no',
    hint: 'set RESTIC_PASSWORD of the datastore to the password that the repository was made with',
  },
  repository_locked: {
    code: 'FAILED_PRECONDITION',
    again: 'later',
    hint: 'wait until the other backup has ended; a lock of a host that is dead expires after 30 minutes',
  },
  guest_silent: {
    code: 'FAILED_PRECONDITION',
    again: 'later',
    hint: 'give it more time, and look at its last lines on the console; a guest without guest agent must show its login on the serial console',
  },
  repository_damaged: {
    code: 'DATA_LOSS',
    again: 'no',
    hint: 'restore an older backup, make the next one a full one, and look at the repository with restic check --read-data',
  },
  origin_failed: { code: 'UNAVAILABLE', again: 'later', hint: 'check the address of the image and that this host can reach it' },
  unknown_host: { code: 'NOT_FOUND', again: 'no', hint: 'add the host to hosts in controller.yaml' },
  bad_identity: { code: 'UNAUTHENTICATED', again: 'no', hint: 'issue a certificate with: onestorage pki issue' },
  forbidden: { code: 'PERMISSION_DENIED', again: 'no', hint: 'this certificate may not call this method' },
  unsupported: { code: 'UNIMPLEMENTED', again: 'no', hint: 'see shims/ACTIONS.md for what each driver can do' },
  too_old: {
    code: 'UNIMPLEMENTED',
    again: 'no',
    hint: 'upgrade the package on the host that the message names; controller and agents may differ by one version',
  },
  missing_program: { code: 'FAILED_PRECONDITION', again: 'no', hint: 'install the program on this host' },
  tool_failed: { code: 'INTERNAL', again: 'later', hint: 'see the log of this host for the whole output' },
  storage_failed: { code: 'INTERNAL', again: 'later', hint: 'check the disk and the file system of this host' },
  transfer_failed: { code: 'UNAVAILABLE', again: 'later', hint: 'check the network between the two hosts' },
  timeout: { code: 'DEADLINE_EXCEEDED', again: 'later', hint: 'check the host, then call again' },
  cancelled: { code: 'CANCELLED', again: 'later', hint: 'call again if it was not meant' },
  superseded: { code: 'ABORTED', again: 'no', hint: 'a later action took over the same disk' },
  interrupted: { code: 'UNAVAILABLE', again: 'later', hint: 'call again' },
  internal: { code: 'INTERNAL', again: 'no', hint: 'this is a defect of onestorage; report it with the log of the operation' },
} as const satisfies Readonly<Record<string, ReasonRow>>;

export type Reason = keyof typeof REASONS;

export function isReason(word: string): word is Reason {
  return Object.hasOwn(REASONS, word);
}

/** An error a person can act on. `message` is one line without prefix and says what, where and why. */
export class StorageError extends Error {
  override readonly name = 'StorageError';
  readonly reason: Reason;
  /** For the log only: a program's last output, a path, a stack. */
  readonly detail: string | undefined;

  constructor(reason: Reason, message: string, more: { readonly detail?: string; readonly cause?: unknown } = {}) {
    super(oneLine(message), more.cause === undefined ? undefined : { cause: more.cause });
    this.reason = reason;
    this.detail = more.detail;
  }
}

/** Text as one printable line: what oned reads as its error must not hold a line break or a control character (contract 1.4). */
export function oneLine(text: string): string {
  return text.replace(/[\p{Cc}\u2028\u2029]+/gu, ' ').trim();
}

/** What the kernel says, as a reason. The rest is `storage_failed`. */
export const ERRNO = {
  ENOSPC: { reason: 'no_space', text: 'no space left' },
  EDQUOT: { reason: 'no_space', text: 'disk quota exceeded' },
  EFBIG: { reason: 'no_space', text: 'file too large for the file system' },
  ENOENT: { reason: 'not_found', text: 'no such file or directory' },
  EEXIST: { reason: 'already_exists', text: 'exists already' },
  ENOTEMPTY: { reason: 'conflict', text: 'directory is not empty' },
  ENOTDIR: { reason: 'conflict', text: 'a part of the path is not a directory' },
  EISDIR: { reason: 'conflict', text: 'is a directory' },
  ELOOP: { reason: 'conflict', text: 'is a symbolic link where none may be' },
  ENAMETOOLONG: { reason: 'bad_argument', text: 'name too long' },
  EACCES: { reason: 'storage_failed', text: 'permission denied' },
  EPERM: { reason: 'storage_failed', text: 'operation not permitted' },
  EROFS: { reason: 'storage_failed', text: 'read-only file system' },
  EIO: { reason: 'storage_failed', text: 'input/output error' },
  EBUSY: { reason: 'in_use', text: 'busy' },
  ETXTBSY: { reason: 'in_use', text: 'busy' },
  EMFILE: { reason: 'busy', text: 'too many open files' },
  ENFILE: { reason: 'busy', text: 'too many open files on this host' },
  ENOMEM: { reason: 'busy', text: 'out of memory' },
  ESTALE: { reason: 'storage_failed', text: 'stale file handle' },
} as const satisfies Readonly<Record<string, { readonly reason: Reason; readonly text: string }>>;

/** How Node.js names what a network did, and how a person does. */
export const NETWORK: Readonly<Record<string, string>> = {
  ECONNREFUSED: 'connection refused',
  ECONNRESET: 'connection reset',
  EHOSTUNREACH: 'no route to the host',
  ENETUNREACH: 'no route to the network',
  ETIMEDOUT: 'no answer',
  ENOTFOUND: 'the name is not known',
  EAI_AGAIN: 'the name cannot be resolved at the moment',
  EPIPE: 'connection closed',
  UND_ERR_SOCKET: 'connection closed',
};

/** `connect ECONNREFUSED 10.0.0.1:80` → `connection refused`: the caller says of whom. Other text as it is. */
export function plainNetworkText(text: string): string {
  const code = /^(?:(?:connect|read|write|getaddrinfo) )?((?:UND_ERR_|E)[A-Z_]+)\b/u.exec(text)?.[1] ?? '';
  return Object.hasOwn(NETWORK, code) ? (NETWORK[code] ?? text) : text;
}

/** Anything thrown, as a StorageError; what is unknown becomes `internal` with its stack in the detail. */
export function asStorageError(thrown: unknown, doing = ''): StorageError {
  if (thrown instanceof StorageError) return thrown;
  const prefix = doing === '' ? '' : `${doing}: `;
  if (thrown instanceof Error) {
    const code: unknown = Reflect.get(thrown, 'code');
    const path: unknown = Reflect.get(thrown, 'path');
    const detail = thrown.stack ?? thrown.message;
    if (typeof code === 'string' && Object.hasOwn(ERRNO, code)) {
      const row = ERRNO[code as keyof typeof ERRNO];
      return new StorageError(row.reason, `${prefix}${typeof path === 'string' && !doing.includes(path) ? `${path}: ` : ''}${row.text}`, {
        detail,
        cause: thrown,
      });
    }
    if (thrown.name === 'AbortError') return new StorageError('cancelled', `${prefix}cancelled`, { detail, cause: thrown });
    return new StorageError('internal', `${prefix}${thrown.message}`, { detail, cause: thrown });
  }
  return new StorageError('internal', `${prefix}${String(thrown)}`);
}

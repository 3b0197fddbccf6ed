import type { Identity } from '../runtime/identity/identity.ts';
import type { Logger } from '../runtime/log.ts';
import type { Operations } from '../runtime/operations/operations.ts';

/** What every service and operation of the agent knows of its host. */
export interface AgentContext {
  /** Holds the datastores, `<datastores>/<id>`. Absolute. */
  readonly datastores: string;
  /** oned's files of virtual machines (context.sh), `<vmFiles>/<vm id>`; on the front-end. */
  readonly vmFiles: string;
  readonly stateDirectory: string;
  readonly hostName: string;
  readonly machineId: string;
  readonly identity: Identity;
  /** host:port where other agents reach this one. */
  readonly address: string;
  /** Ports for bulk data, both included. */
  readonly dataPorts: { readonly first: number; readonly last: number };
  /** The hypervisor of this host; the system's own, and 60 s, when it is not set. */
  readonly libvirt?: { readonly uri: string; readonly freezeLimitMs: number; readonly swtpm?: string };
  /** Holds the staged backups, `<base>/<vm>/backup`; undefined: they lie in the VM's directory. */
  readonly backupBasePath?: string | undefined;
  /** Client configuration of ssh, for backup servers; that of the agent's user when it is not set. */
  readonly sshConfig?: string;
  /** OpenNebula's programs on this host, which `onehost sync` brings. Absolute. */
  readonly remotes: string;
  readonly log: Logger;
  readonly operations: Operations;
}

const DEFAULT_LIBVIRT = { uri: 'qemu:///system', freezeLimitMs: 60_000 } as const;

export function libvirtOf({ libvirt }: Pick<AgentContext, 'libvirt'>): NonNullable<AgentContext['libvirt']> {
  return libvirt ?? DEFAULT_LIBVIRT;
}

/** What an operation found out; unset fields do not apply to it. */
export interface OperationResult {
  readonly format?: string;
  readonly sizeBytes?: number;
  readonly md5?: string;
  readonly backupId?: string;
  /** A chain of backups as it is now. */
  readonly chain?: { id: number; backupId: string }[];
  /** What of a guest gave a sign of life. */
  readonly answeredBy?: 'guest agent' | 'console';
}

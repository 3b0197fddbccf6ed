import type { BackupUsageResponse__Output } from '../../proto/gen/onestorage/v1/BackupUsageResponse.ts';
import type { ListBackupResponse__Output } from '../../proto/gen/onestorage/v1/ListBackupResponse.ts';
import type { Repository } from '../../proto/gen/onestorage/v1/Repository.ts';
import type { Ticket } from '../../proto/gen/onestorage/v1/Ticket.ts';
import type { UsageResponse__Output } from '../../proto/gen/onestorage/v1/UsageResponse.ts';
import type { LogLevel } from '../../runtime/operations/types.ts';
import type { ActionName } from '../../shims/actions.ts';
import type { DatastorePath } from '../../shims/places.ts';
import type { WordsOf } from '../../shims/words.ts';
import type { ChainLink } from '../backups/address.ts';
import type { Backend, Placement } from '../drivers.ts';
import type { AgentMethod, AgentRequests } from '../hosts/agent-calls.ts';
import type { Host } from '../hosts/directory.ts';
import type { AgentResult } from '../hosts/follow.ts';
import type { DriverActionData } from '../opennebula/action-data.ts';
import type { UserOrders } from '../opennebula/user-orders.ts';
import type { VmDocument } from '../opennebula/vm-document.ts';
import type { XmlElement } from '../opennebula/xml.ts';
import type { AdmissionClass } from '../operations/admission.ts';

export type Place = DatastorePath;

/** What is read, for a transfer. */
export interface TransferSource {
  readonly host: Host;
  readonly place: Place;
  /** raw, qcow2, or empty: a directory or an opaque file. */
  readonly format: string;
  readonly snapshotId?: number;
  /** The current content as one file without snapshots. */
  readonly flat?: boolean;
  /** The directory of a VM that runs: its domain. */
  readonly domain?: string;
}

/** Where it goes. */
export type TransferTarget = { readonly host: Host } & (
  | { readonly disk: NonNullable<AgentRequests['Transfers/Receive']['disk']> }
  | { readonly image: NonNullable<AgentRequests['Transfers/Receive']['image']> }
  | { readonly directory: NonNullable<AgentRequests['Transfers/Receive']['directory']> }
  | { readonly guest: NonNullable<AgentRequests['Transfers/Receive']['guest']> }
);

/** What a flow may use. */
export interface FlowTools {
  readonly action: ActionName;
  readonly backend: Backend;
  /** Unique to the call, and the same after a restart of the controller. */
  readonly key: string;
  readonly signal: AbortSignal;
  readonly placement: Placement;
  /** 1, and one more after every restart of the controller. */
  readonly attempt: number;
  /** Name of the TM in the datastore's `.monitor` (contract 6.5). */
  readonly monitor: string;
  readonly vmFiles: string;
  log(level: LogLevel, text: string): void;
  /** From here on the action only goes forward. */
  commit(): void;

  /** A path of oned as a place. Throws outside_datastore. */
  place(path: string): Place;
  /** The same below the directory of a VM. Throws bad_argument for another VM's. */
  vmPlace(path: string, vmId: number): Place;
  /** undefined: the front-end. Throws unknown_host. */
  host(name: string | undefined): Host;
  /** By machine id, not by name. */
  sameHost(one: Host, other: Host): Promise<boolean>;
  /** Asks OpenNebula. */
  vm(id: number): Promise<VmDocument>;
  /** MiB per second for the class of this action, as bytes; 0: no limit. */
  readonly bytesPerSecond: number;
  /** Standard input as text: base64 is decoded where the action's row says so. Throws bad_document. */
  inputText(): string;
  /** Of standard input. Throws bad_document. */
  document(): DriverActionData;
  vmDocument(): VmDocument;
  /** Cancels what these actions do in a directory, whichever call began it, and waits for their end; their subjects. */
  cancelOthers(actions: readonly ActionName[], directory: Place): Promise<readonly string[]>;
  /** The same as it came: the root element. */
  input(): XmlElement;
  /** Asks OpenNebula for the document of an image, or of a datastore with its secrets. */
  image(id: number): Promise<XmlElement>;
  datastore(id: number): Promise<XmlElement>;
  /** OpenNebula with the rights of a user. */
  actAs(userName: string): UserOrders;
  /** Work of the controller itself as a step of this action: run again after a restart unless it had ended, so it must be idempotent. */
  step<T>(name: string, work: () => Promise<T>): Promise<T>;

  /**
   * An operation of an agent as a step of this action. `step` is unique within the action. `wait`: also a host that does not answer at first
   * is looked for, as one that goes away in the middle is; for what must still be done when the action cannot be taken back.
   */
  run<M extends AgentMethod>(
    host: Host,
    step: string,
    method: M,
    request: Omit<AgentRequests[M], 'operation'>,
    options?: { readonly wait: boolean },
  ): Promise<AgentResult>;
  /** Data from one agent to another, or within one, as a step of this action. */
  transfer(step: string, source: TransferSource, target: TransferTarget): Promise<AgentResult>;
  /** Opens a source for this action, only to learn whether it is there. Throws not_found. */
  openExport(host: Host, step: string, place: Place): Promise<Ticket>;
  /** Ids of earlier calls of tm/mv with the very words of this one, newest first; the journal keeps them for 30 days. */
  earlier(): readonly string[];
  /** Did this operation of an agent succeed? Waits while it is under way; false: it failed, or the agent does not know it. */
  succeeded(host: Host, operationId: string): Promise<boolean>;
  usage(host: Host, datastoreId: number, options: { readonly create: boolean }): Promise<UsageResponse__Output>;
  /** Measures the disks in a system datastore and tells onemonitord, as somebody who is no host (contract 6.2). */
  tellDiskSizes(host: Host, datastoreId: number): Promise<void>;
  statOrigin(host: Host, origin: NonNullable<AgentRequests['Images/Import']['origin']>, opaque: boolean): Promise<number>;
  /** With `diskId`: that disk alone, and its size even when that must be read from the disk. vm.xml only on request: it costs a trip of its own. */
  listBackup(
    host: Host,
    repository: Repository,
    chain: readonly ChainLink[],
    options?: { readonly diskId?: string; readonly withDocument?: boolean },
  ): Promise<ListBackupResponse__Output>;
  backupUsage(host: Host, repository: Repository): Promise<BackupUsageResponse__Output>;
  /** The next backup of the VM will be full: OpenNebula is told as soon as it lets the VM be changed, in the background. */
  resetChain(vmId: number): void;
  /** The first of these hosts that answers, beginning at `index`; without hosts the front-end (contract 2.1, bridges). */
  bridge(names: readonly string[], index: number): Promise<Host>;
}

/** What a call means, by its words alone. */
export type PlaceTools = Pick<FlowTools, 'key' | 'place' | 'vmPlace' | 'host' | 'document'>;

export interface Leftover {
  readonly host: Host;
  readonly place: Place;
}

/** How one action is carried out. It returns what OpenNebula reads. */
export interface Flow<A extends ActionName> {
  /** undefined: it changes nothing and is not journaled. */
  readonly class: AdmissionClass | undefined;
  /**
   * Files of its own that a finished step may have left when the action is given up before its end; an agent takes back only what is under
   * way. Told from the words alone: asked again after a restart, it must say the same.
   */
  leftovers?(words: WordsOf<A>, tools: PlaceTools): readonly Leftover[];
  run(words: WordsOf<A>, tools: FlowTools): Promise<string>;
  /**
   * Takes back what ended steps have left, after a failure, a cancel, or a restart that cannot go on; agents take back what is under way. Idempotent.
   */
  undo?(words: WordsOf<A>, tools: FlowTools): Promise<void>;
}

export type Flows = { readonly [A in ActionName]: Flow<A> | undefined };

import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { controllerConfig } from '../../controller/config.ts';
import type { AgentCalls } from '../../controller/hosts/agent-calls.ts';
import { hostDirectory } from '../../controller/hosts/directory.ts';
import type { AgentResult } from '../../controller/hosts/follow.ts';
import type { AgentProgram } from '../../controller/hosts/too-old.ts';
import type { BackupImage } from '../../controller/opennebula/backup-data.ts';
import type { OpenNebula } from '../../controller/opennebula/client.ts';
import { MARK, type NamedObject, type UserOrders } from '../../controller/opennebula/user-orders.ts';
import { type VmDocument, vmDocument } from '../../controller/opennebula/vm-document.ts';
import { readXml, type XmlElement } from '../../controller/opennebula/xml.ts';
import type { ActionServices } from '../../controller/operations/tools.ts';
import type { CatalogRequest } from '../../proto/gen/onestorage/v1/CatalogRequest.ts';
import type { CatalogResponse__Output } from '../../proto/gen/onestorage/v1/CatalogResponse.ts';
import type { Finding__Output } from '../../proto/gen/onestorage/v1/Finding.ts';
import type { InspectRequest } from '../../proto/gen/onestorage/v1/InspectRequest.ts';
import type { ListBackupRequest } from '../../proto/gen/onestorage/v1/ListBackupRequest.ts';
import type { ListBackupResponse__Output } from '../../proto/gen/onestorage/v1/ListBackupResponse.ts';
import type { OperationEvent__Output } from '../../proto/gen/onestorage/v1/OperationEvent.ts';
import { StorageError } from '../../runtime/errors.ts';
import type { VmSizes } from '../../runtime/monitord/template.ts';

export interface SeenCall {
  readonly host: string;
  readonly method: string;
  readonly request: Record<string, unknown>;
}

type Behaviour = (call: SeenCall, signal: AbortSignal) => AgentResult | Promise<AgentResult>;

const NOTHING: AgentResult = { format: '', sizeBytes: 0, md5: '' };
const figures = { movedBytes: 0, skippedBytes: 0, verifiedBytes: 0, processes: 0 };

/** Agents without storage: they remember what they were asked, and do what the test says. An operation goes on when its stream is dropped. */
export class FakeAgents implements AgentCalls {
  readonly calls: SeenCall[] = [];
  readonly machines = new Map<string, string>();
  behave: Behaviour = () => NOTHING;
  /** Throws, to make a source missing. */
  open: (host: string, place: unknown) => void = () => undefined;
  /** How often the stream of a start breaks before its outcome. */
  breaks = 0;
  readonly #operations = new Map<string, { done: Promise<OperationEvent__Output>; abort: AbortController; ended: boolean }>();

  machineId = (host: { name: string }): Promise<string> => Promise.resolve(this.machines.get(host.name) ?? `machine-of-${host.name}`);

  /** By host; the others understand everything. */
  readonly programs = new Map<string, AgentProgram>();

  program: AgentCalls['program'] = async ({ name }) => this.programs.get(name) ?? { version: '0.1.0', limited: undefined };

  start: AgentCalls['start'] = (host, method, request, signal) => {
    const id = request.operation?.operationId ?? '';
    if (!this.#operations.has(id)) {
      const call = { host: host.name, method, request: request as Record<string, unknown> };
      this.calls.push(call);
      const abort = new AbortController();
      const entry = { abort, ended: false, done: this.#outcome(call, abort.signal) };
      void entry.done.then(() => {
        entry.ended = true;
      });
      this.#operations.set(id, entry);
    }
    return this.#stream(id, signal);
  };

  watch: AgentCalls['watch'] = (_host, id, signal) => this.#stream(id, signal);

  cancel: AgentCalls['cancel'] = (host, id) => {
    this.calls.push({ host: host.name, method: 'Operations/Cancel', request: { operationId: id } });
    const entry = this.#operations.get(id);
    if (entry === undefined) return Promise.reject(new StorageError('not_found', `no operation ${id}`));
    entry.abort.abort(new StorageError('cancelled', 'cancelled'));
    return Promise.resolve(!entry.ended);
  };

  running: AgentCalls['running'] = () => Promise.resolve([...this.#operations].filter(([, entry]) => !entry.ended).map(([id]) => id));

  /** Driver that the marker of a datastore names. */
  marker = '';
  sizes: readonly VmSizes[] = [];

  diskSizes: AgentCalls['diskSizes'] = async (host, datastoreId) => {
    const call = { host: host.name, method: 'Hosts/DiskSizes', request: { datastoreId } };
    this.calls.push(call);
    await this.behave(call, new AbortController().signal);
    return this.sizes;
  };

  usage: AgentCalls['usage'] = (host, datastoreId, options) => {
    this.calls.push({ host: host.name, method: 'Hosts/Usage', request: { datastoreId, ...options } });
    return Promise.resolve({
      totalBytes: 10 * 1024 ** 2,
      usedBytes: 4 * 1024 ** 2 + 1,
      freeBytes: 5 * 1024 ** 2 + 5,
      monitor: this.marker,
    });
  };

  mark: AgentCalls['mark'] = async (host, datastoreId, driver) => {
    const call = { host: host.name, method: 'Hosts/Usage', request: { datastoreId, create: true, monitor: driver } };
    this.calls.push(call);
    await this.behave(call, new AbortController().signal);
  };

  statOrigin: AgentCalls['statOrigin'] = (host, request) => {
    this.calls.push({ host: host.name, method: 'Images/StatOrigin', request: request as Record<string, unknown> });
    return Promise.resolve(256 * 1024 ** 2 + 1);
  };

  /** What a host finds. */
  findings: (host: string, request: InspectRequest) => readonly Finding__Output[] = () => [];

  inspect: AgentCalls['inspect'] = async function* (this: FakeAgents, host, request) {
    this.calls.push({ host: host.name, method: 'Inspections/Inspect', request: request as Record<string, unknown> });
    yield* this.findings(host.name, request);
  };

  openExport: AgentCalls['openExport'] = async (host, request) => {
    this.calls.push({ host: host.name, method: 'Transfers/Open', request: request as Record<string, unknown> });
    await this.open(host.name, request.source);
    return { capability: 'secret-capability', address: host.address, hostName: host.name, machineId: await this.machineId(host) };
  };

  /** What a repository holds of a chain. */
  listing: (request: ListBackupRequest) => ListBackupResponse__Output = () => ({ files: [], vmXml: '', increments: [] });

  listBackup: AgentCalls['listBackup'] = async (host, request) => {
    this.calls.push({ host: host.name, method: 'Backups/List', request: request as Record<string, unknown> });
    return this.listing(request);
  };

  backupUsage: AgentCalls['backupUsage'] = async (host, request) => {
    this.calls.push({ host: host.name, method: 'Backups/Usage', request: request as Record<string, unknown> });
    return { totalBytes: 10 * 1024 ** 2, usedBytes: 4 * 1024 ** 2 + 1, freeBytes: 5 * 1024 ** 2 + 5, known: true };
  };

  /** What a repository holds. */
  catalog: (request: CatalogRequest) => CatalogResponse__Output | Promise<CatalogResponse__Output> = () => ({ entries: [] });

  backupCatalog: AgentCalls['backupCatalog'] = async (host, request) => {
    this.calls.push({ host: host.name, method: 'Backups/Catalog', request: request as Record<string, unknown> });
    return this.catalog(request);
  };

  async #outcome(call: SeenCall, signal: AbortSignal): Promise<OperationEvent__Output> {
    try {
      return {
        event: 'outcome',
        outcome: { outcome: 'result', result: { backupId: '', chain: [], answeredBy: '', ...(await this.behave(call, signal)) }, figures },
      };
    } catch (thrown) {
      const error = thrown as StorageError;
      return { event: 'outcome', outcome: { outcome: 'failure', failure: { reason: error.reason, message: error.message }, figures } };
    }
  }

  async *#stream(id: string, signal: AbortSignal): AsyncGenerator<OperationEvent__Output> {
    const entry = this.#operations.get(id);
    if (entry === undefined) throw new StorageError('not_found', `no operation ${id}`);
    yield { event: 'log', log: { level: 'info', text: `begun ${id}` } };
    if (this.breaks > 0) {
      this.breaks -= 1;
      throw new StorageError('unreachable', 'the connection broke');
    }
    const aborted = new Promise<never>((_, reject) => {
      if (signal.aborted) reject(signal.reason);
      signal.addEventListener('abort', () => reject(signal.reason), { once: true });
    });
    yield await Promise.race([entry.done, aborted]);
  }
}

export const fixture = (name: string): Promise<string> => readFile(join(import.meta.dirname, '../fixtures/oned/xml', name), 'utf8');

export async function recordedVm(changes: Partial<VmDocument> = {}): Promise<VmDocument> {
  return { ...vmDocument(readXml(await fixture('vm-9.xml'), 'VM 9')), ...changes };
}

export function base64(text: string): string {
  return Buffer.from(text).toString('base64');
}

/** An OpenNebula that has one VM, and counts how often it is asked. */
export class FakeOpenNebula implements OpenNebula {
  asked = 0;
  vm_: VmDocument | undefined;
  vm = async (id: number): Promise<VmDocument> => {
    this.asked += 1;
    const vm = this.vm_ ?? (await recordedVm());
    if (vm.id !== id) throw new StorageError('not_found', `OpenNebula: no VM ${id}`);
    return vm;
  };
  /** Documents of images and datastores, by id. */
  readonly images = new Map<number, string>();
  readonly datastores = new Map<number, string>();
  image = async (id: number): Promise<XmlElement> => documentOf(this.images, id, 'image');
  datastore = async (id: number): Promise<XmlElement> => documentOf(this.datastores, id, 'datastore');
}

function documentOf(documents: ReadonlyMap<number, string>, id: number, what: string): XmlElement {
  const text = documents.get(id);
  if (text === undefined) throw new StorageError('not_found', `OpenNebula: no ${what} ${id}`);
  return readXml(text, `${what} ${id}`);
}

/** An OpenNebula that does what a user asks, and remembers what it made. */
export class FakeUserOrders implements UserOrders {
  readonly images: { id: number; name: string; mark: string | undefined; template: string }[] = [];
  readonly templates: { id: number; name: string; mark: string | undefined; template: string }[] = [];
  readonly users: string[] = [];
  /** Throws, to refuse. */
  allow: (what: 'image' | 'template', template: string) => void | Promise<void> = () => undefined;
  /** That the user may use. */
  usable: readonly BackupImage[] = [];
  #next = 50;
  allocateImage = async (template: string): Promise<number> => await this.#allocate('image', template);
  allocateTemplate = async (template: string): Promise<number> => await this.#allocate('template', template);
  deleteImage = async (id: number): Promise<void> => remove(this.images, id);
  deleteTemplate = async (id: number): Promise<void> => remove(this.templates, id);
  ownImages = async (): Promise<readonly NamedObject[]> => this.images;
  ownTemplates = async (): Promise<readonly NamedObject[]> => this.templates;
  backups = async (): Promise<readonly BackupImage[]> => this.usable;

  async #allocate(what: 'image' | 'template', template: string): Promise<number> {
    await this.allow(what, template);
    const word = (name: string): string | undefined => new RegExp(`<${name}>([^<]*)<`).exec(template)?.[1];
    this.#next += 1;
    (what === 'image' ? this.images : this.templates).push({ id: this.#next, name: word('NAME') ?? '', mark: word(MARK), template });
    return this.#next;
  }
}

function remove(list: { readonly id: number }[], id: number): void {
  const at = list.findIndex((one) => one.id === id);
  if (at < 0) throw new StorageError('not_found', `OpenNebula: no ${id}`);
  list.splice(at, 1);
}

export interface FakeServices extends ActionServices {
  readonly agents: FakeAgents;
  readonly openNebula: FakeOpenNebula;
  readonly orders: FakeUserOrders;
  readonly resets: number[];
}

export function fakeServices(values: Record<string, unknown> = {}): FakeServices {
  const config = controllerConfig.parse({ front_end: { names: ['frontend'] }, deadlines: { reattach_seconds: 5 }, ...values });
  const orders = new FakeUserOrders();
  const resets: number[] = [];
  return {
    config,
    hosts: hostDirectory(config),
    agents: new FakeAgents(),
    openNebula: new FakeOpenNebula(),
    orders,
    resets,
    actAs: (userName) => {
      orders.users.push(userName);
      return orders;
    },
    resetChain: (vmId) => void resets.push(vmId),
  };
}

import { mkdir, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { type BackupHook, backupHook, type DatastoreCall, type MigrateHook, oneDatastore, oneTm, oneVmmExec } from './actions.ts';
import {
  backupDocument,
  flattenDocument,
  imageActionDocument,
  lsDocument,
  monitorDocument,
  restoreDocument,
  statDocument,
  vmDocument,
} from './documents.ts';
import { type Endpoint, startEndpoint } from './endpoint.ts';
import { type ActionResult, type MadSite, runShim } from './mad.ts';
import { type Datastore, type Image, lastHistory, type OneModel, type Vm } from './model.ts';

/** An OpenNebula front-end without OpenNebula: its API, its records, and its three drivers that call the shims. */
export class StandIn {
  readonly model: OneModel;
  readonly endpoint: Endpoint;
  readonly site: MadSite;
  #request = 0;

  constructor(model: OneModel, endpoint: Endpoint, site: MadSite) {
    this.model = model;
    this.endpoint = endpoint;
    this.site = site;
  }

  /** one_tm: lines of a transfer script. */
  tm(lines: readonly string[], signal?: AbortSignal): Promise<ActionResult[]> {
    return oneTm(this.site, lines, signal);
  }

  /** stat: the image's size in MiB is in `info`. The id is that of the request, not of an image. */
  stat(location: string, datastoreId: number, job = ''): Promise<ActionResult> {
    this.#request += 1;
    return this.#datastore(datastoreId, 'stat', this.#request, statDocument(this.model, location, datastoreId, job));
  }

  /** cp, mkfs, rm, clone, snap_delete, snap_revert, snap_flatten: with the whole document of the image. */
  image(action: string, image: Image, signal?: AbortSignal): Promise<ActionResult> {
    return this.#datastore(image.datastoreId, action, image.id, imageActionDocument(this.model, image), signal);
  }

  /** oneimage restore: makes images and a template through the API. `wanted`: USERNAME, NAME, NO_IP, NO_NIC, INCREMENT_ID, DISK_ID. */
  restore(image: Image, destination: number, wanted: Readonly<Record<string, string>>, signal?: AbortSignal): Promise<ActionResult> {
    this.#request += 1;
    const document = restoreDocument(this.model, image, destination, { USERNAME: 'oneadmin', ...wanted });
    return this.#datastore(image.datastoreId, 'restore', this.#request, document, signal);
  }

  flatten(image: Image, keepLast: number): Promise<ActionResult> {
    return this.#datastore(image.datastoreId, 'increment_flatten', image.id, flattenDocument(this.model, image, keepLast));
  }

  /** one_vmm_exec: the part of a backup that is the datastore's. */
  store(vm: Vm, datastoreId: number, disks: readonly number[], signal?: AbortSignal, job = '-'): Promise<ActionResult> {
    const { host, datastoreId: system } = lastHistory(vm);
    const directory = `${host}:${this.model.datastoreLocation}/${system}/${vm.id}`;
    const argv = [directory, disks.join(':'), `one-${vm.id}`, job, String(vm.id), String(system)];
    return this.#raw(datastoreId, 'backup', argv, backupDocument(this.model, vm, datastoreId), signal);
  }

  /** onevm backup-cancel; the datastore is that of the backup. */
  cancelBackup(vm: Vm, datastoreId: number): Promise<ActionResult> {
    const { host, datastoreId: system } = lastHistory(vm);
    const argv = [`${host}:${this.model.datastoreLocation}/${system}/${vm.id}`, `one-${vm.id}`];
    return this.#raw(datastoreId, 'backup_cancel', argv, vmDocument(this.model, vm));
  }

  ls(vm: Vm, image: Image, increment: number): Promise<ActionResult> {
    return this.#raw(image.datastoreId, 'ls', ['-i', String(increment)], lsDocument(this.model, vm, image));
  }

  #raw(datastoreId: number, action: string, argv: readonly string[], stdin: string, signal?: AbortSignal): Promise<ActionResult> {
    const driver = this.#known(datastoreId).dsMad;
    const program = path.join(this.site.remotes, 'datastore', driver, action);
    return runShim(this.site, {
      action: `datastore/${driver}/${action}`,
      program,
      argv,
      stdin,
      ...(signal === undefined ? {} : { signal }),
    });
  }

  monitor(datastoreId: number, diskSizes = false): Promise<ActionResult> {
    return this.#datastore(datastoreId, 'monitor', datastoreId, monitorDocument(this.model, datastoreId, diskSizes));
  }

  migrateHook(hook: MigrateHook, vm: Vm, argv: readonly string[], driver: string): Promise<ActionResult> {
    return oneVmmExec(this.site, hook, driver, argv, vmDocument(this.model, vm));
  }

  /** prebackup, postbackup and their live forms, of these disks. */
  backup(hook: BackupHook, vm: Vm, disks: readonly number[], signal?: AbortSignal): Promise<ActionResult> {
    const { host, datastoreId, tm } = lastHistory(vm);
    const directory = `${host}:${this.model.datastoreLocation}/${datastoreId}/${vm.id}`;
    const argv = [directory, disks.join(':'), `one-${vm.id}`, '-', String(vm.id), String(datastoreId)];
    return backupHook(this.site, hook, tm, argv, vmDocument(this.model, vm), signal);
  }

  /** oned writes it before each CONTEXT line. */
  async writeContext(vm: Vm): Promise<void> {
    const directory = path.join(this.model.vmFiles, String(vm.id));
    await mkdir(directory, { recursive: true });
    await writeFile(path.join(directory, 'context.sh'), `# Context variables generated by OpenNebula\nHOSTNAME='${vm.name}'\n`);
  }

  #datastore(id: number, action: string, subject: number, document: string, signal?: AbortSignal): Promise<ActionResult> {
    const datastore = this.#known(id);
    const system = datastore.type === 1;
    const driver = system ? datastore.tmMad : datastore.dsMad;
    const call: DatastoreCall = { driver, action, id: subject, document, system };
    return oneDatastore(this.site, signal === undefined ? call : { ...call, signal });
  }

  #known(id: number): Datastore {
    const datastore = this.model.datastores.get(id);
    if (datastore === undefined) throw new Error(`the lab has no datastore ${id}`);
    return datastore;
  }

  stop(): Promise<void> {
    return this.endpoint.stop();
  }
}

export interface StandInOptions {
  readonly model: OneModel;
  readonly session: string;
  readonly site: Omit<MadSite, 'environment'> & { readonly environment?: Readonly<Record<string, string>> };
}

/** Starts the API and puts together the environment that oned gives to its drivers. */
export async function startStandIn(options: StandInOptions): Promise<StandIn> {
  let drivers: StandIn | undefined;
  const started = (): StandIn => {
    if (drivers === undefined) throw new Error('the stand-in has not started');
    return drivers;
  };
  const endpoint = await startEndpoint(options.model, options.session, started);
  const environment = {
    PATH: '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin',
    LANG: 'C.UTF-8',
    HOME: options.site.directory,
    LOGNAME: 'oneadmin',
    USER: 'oneadmin',
    PRIORITY: '19',
    ONE_XMLRPC: endpoint.url,
    ...options.site.environment,
  };
  drivers = new StandIn(options.model, endpoint, { ...options.site, environment });
  return drivers;
}

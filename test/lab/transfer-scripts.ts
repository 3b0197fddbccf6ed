import type { Disk, HistoryRecord, OneModel, Vm } from './opennebula/model.ts';
import { lastHistory } from './opennebula/model.ts';

/** The lines oned writes into `transfer.<seq>.<stage>`, word for word (contract 2.0, 2.2). */

interface Where {
  readonly host: string;
  readonly datastoreId: number;
}

/**
 * One script. The suffix of a mixed disk sticks to every disk after it in the same script, because oned does not reset the variable
 * (contract 2.0): the object that writes a script remembers it.
 */
class Script {
  readonly #model: OneModel;
  readonly #vm: Vm;
  readonly lines: string[] = [];
  #suffix = '';

  constructor(model: OneModel, vm: Vm) {
    this.#model = model;
    this.#vm = vm;
  }

  directory(where: Where): string {
    return `${where.host}:${this.#model.datastoreLocation}/${where.datastoreId}/${this.#vm.id}`;
  }

  disk(action: string, disk: Disk, words: (name: (where: Where) => string) => readonly (string | number)[]): void {
    const last = lastHistory(this.#vm);
    if (disk.kind === 'image' && disk.tmSystem !== undefined) this.#suffix = `.${disk.tmSystem}`;
    const [tm, datastoreId] = disk.kind === 'image' ? [disk.tm, disk.datastoreId] : [last.tm, last.datastoreId];
    const name = (where: Where) => `${this.directory(where)}/disk.${disk.id}`;
    this.lines.push([action + this.#suffix, tm, ...words(name), this.#vm.id, datastoreId].join(' '));
  }

  /** A line of the system datastore's driver; never suffixed. */
  system(action: string, tm: string, datastoreId: number, words: readonly (string | number)[]): void {
    this.lines.push([action, tm, ...words, this.#vm.id, datastoreId].join(' '));
  }
}

/** Deploy: CLONE, LN, MKIMAGE and MKSWAP, in the order of the disks. The CONTEXT line comes by itself (`contextLine`). */
export function prolog(model: OneModel, vm: Vm, disks: readonly Disk[] = vm.disks): string[] {
  const script = new Script(model, vm);
  const here = whereOf(lastHistory(vm));
  for (const disk of disks) prologDisk(script, model, disk, here);
  return script.lines;
}

function prologDisk(script: Script, model: OneModel, disk: Disk, here: Where): void {
  if (disk.kind === 'image') {
    // A source with a colon is no path on the front-end, and goes through as it is.
    const source = disk.source.includes(':') ? disk.source : `${model.frontEnd}:${disk.source}`;
    script.disk(disk.clone ? 'CLONE' : 'LN', disk, (name) => [source, name(here)]);
  } else if (disk.kind === 'swap') {
    script.disk('MKSWAP', disk, (name) => [disk.sizeMb, name(here)]);
  } else {
    script.disk('MKIMAGE', disk, (name) => [disk.sizeMb, disk.format, name(here)]);
  }
}

/** Run at deploy and at every change of the context, by one_vmm_exec. */
export function contextLine(model: OneModel, vm: Vm): string {
  const here = lastHistory(vm);
  const script = new Script(model, vm);
  const files = [`${model.vmFiles}/${vm.id}/context.sh`, ...vm.contextFiles];
  script.system('CONTEXT', here.tm, here.datastoreId, [...files, `${script.directory(whereOf(here))}/disk.${vm.contextDisk ?? 0}`]);
  return script.lines[0] ?? '';
}

/** Every disk, then the directory, from one place to another. */
function move(model: OneModel, vm: Vm, from: Where, to: Where): string[] {
  const last = lastHistory(vm);
  const script = new Script(model, vm);
  for (const disk of vm.disks) script.disk('MV', disk, (name) => [name(from), name(to)]);
  script.system('MV', last.tm, last.datastoreId, [script.directory(from), script.directory(to)]);
  return script.lines;
}

/** Stop and undeploy: to the front-end. */
export function stop(model: OneModel, vm: Vm): string[] {
  const here = whereOf(lastHistory(vm));
  return move(model, vm, here, { ...here, host: model.frontEnd });
}

/** Resume and deploy of a stopped VM: from the front-end to the host of the last history record. */
export function resume(model: OneModel, vm: Vm): string[] {
  const last = lastHistory(vm);
  const before = vm.history.at(-2) ?? last;
  return move(model, vm, { host: model.frontEnd, datastoreId: before.datastoreId }, whereOf(last));
}

/** Cold migration: from the record before the last to the last. */
export function migrate(model: OneModel, vm: Vm): string[] {
  const last = lastHistory(vm);
  return move(model, vm, whereOf(vm.history.at(-2) ?? last), whereOf(last));
}

/** Shutdown: persistent images go back, everything else is deleted, the directory last. `host` is the front-end when the VM is stopped. */
export function epilog(model: OneModel, vm: Vm, host: string = lastHistory(vm).host): string[] {
  return ending(model, vm, host, (disk) => disk.kind === 'image' && disk.save);
}

/** Terminate without saving: everything is deleted. */
export function terminate(model: OneModel, vm: Vm, host: string = lastHistory(vm).host): string[] {
  return ending(model, vm, host, () => false);
}

function ending(model: OneModel, vm: Vm, host: string, goesBack: (disk: Disk) => boolean): string[] {
  const last = lastHistory(vm);
  const here = { host, datastoreId: last.datastoreId };
  const script = new Script(model, vm);
  for (const disk of vm.disks) {
    // The target of MVDS never carries the front-end's name.
    if (disk.kind === 'image' && goesBack(disk)) script.disk('MVDS', disk, (name) => [name(here), disk.source]);
    else script.disk('DELETE', disk, (name) => [name(here)]);
  }
  script.system('DELETE', last.tm, last.datastoreId, [script.directory(here)]);
  return script.lines;
}

/** Save-as: the disk, or a snapshot of it, into the source that mkfs printed. */
export function saveAs(model: OneModel, vm: Vm, disk: Disk, source: string, snapshotId = -1, host = lastHistory(vm).host): string[] {
  const script = new Script(model, vm);
  const here = { host, datastoreId: lastHistory(vm).datastoreId };
  script.disk('CPDS', disk, (name) => [name(here), source, snapshotId]);
  return script.lines;
}

export function snapshot(model: OneModel, vm: Vm, action: 'create' | 'revert' | 'delete', disk: Disk, snapshotId: number): string[] {
  const script = new Script(model, vm);
  script.disk(`SNAP_${action.toUpperCase()}`, disk, (name) => [name(whereOf(lastHistory(vm))), snapshotId]);
  return script.lines;
}

export function resize(model: OneModel, vm: Vm, disk: Disk, sizeMb: number): string[] {
  const script = new Script(model, vm);
  script.disk('RESIZE', disk, (name) => [name(whereOf(lastHistory(vm))), sizeMb]);
  return script.lines;
}

/** Words of premigrate, postmigrate and failmigrate. */
export function migrateWords(model: OneModel, vm: Vm, source: string, target: string): string[] {
  const { datastoreId } = lastHistory(vm);
  return [source, target, `${model.datastoreLocation}/${datastoreId}/${vm.id}`, String(vm.id), String(datastoreId)];
}

function whereOf(record: HistoryRecord): Where {
  return { host: record.host, datastoreId: record.datastoreId };
}

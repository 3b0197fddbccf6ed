import { existsSync, readdirSync } from 'node:fs';
import { cp, mkdir, rm } from 'node:fs/promises';
import path from 'node:path';
import type { ActionResult } from '../../lab/opennebula/mad.ts';
import type { LiveSite, RunningVm } from './live-site.ts';
import { type Records, verifyRecords } from './records.ts';
import { tool } from './tools.ts';

const TARGETS = ['vda', 'vdb', 'vdc', 'vdd'] as const;

/** Backups of one VM as oned makes them, and a store that keeps what was staged. */
export class Backups {
  readonly #site: LiveSite;
  readonly #vm: RunningVm;
  /** Where the agent stages. */
  readonly staged: string;
  readonly #store: string;
  readonly disks: readonly number[];
  readonly #tracking: 'CBT' | 'SNAPSHOT';
  /** As OpenNebula has it: of the last increment that was stored. */
  last = -1;

  constructor(site: LiveSite, vm: RunningVm, disks: readonly number[], tracking: 'CBT' | 'SNAPSHOT' = 'CBT', base?: string) {
    this.#site = site;
    this.#vm = vm;
    this.disks = disks;
    this.#tracking = tracking;
    this.staged = path.join(base === undefined ? vm.directory : path.join(base, String(vm.vm.id)), 'backup');
    this.#store = path.join(site.cluster.site.directory, `store-${vm.vm.id}-${tracking}`);
  }

  hook(name: 'prebackup' | 'postbackup', mode: 'FULL' | 'INCREMENT', disks = this.disks, signal?: AbortSignal): Promise<ActionResult> {
    const { vm } = this.#vm;
    vm.backup = { volatile: disks.includes(2), mode, incrementMode: this.#tracking, lastIncrementId: this.last };
    const isOff = vm.state !== 3;
    vm.lcmState = isOff ? 70 : 69;
    return this.#site.cluster.one.backup(isOff ? name : `${name}_live`, vm, disks, signal);
  }

  /** What a backup datastore does, and OpenNebula after it: the increment is stored. */
  async store(): Promise<void> {
    const increment = this.last + 1;
    if (increment === 0) await rm(this.#store, { recursive: true, force: true });
    await mkdir(this.#store, { recursive: true });
    await cp(this.staged, path.join(this.#store, String(increment)), { recursive: true });
    this.last = increment;
  }

  /** One increment with everything around it; its numbers are looked at by `verify`. Returns what was written before it. */
  async increment(): Promise<number[]> {
    const written = await this.written();
    must(await this.hook('prebackup', 'INCREMENT'));
    await this.store();
    must(await this.hook('postbackup', 'INCREMENT'));
    if (existsSync(this.staged)) throw new Error(`${this.staged} is still there`);
    return written;
  }

  /** The guest has written something new on each disk. */
  async written(): Promise<number[]> {
    const { guest, vm } = this.#vm;
    if (vm.state !== 3) return this.disks.map((disk) => guest.written(TARGETS[disk] ?? ''));
    return await Promise.all(this.disks.map((disk) => (disk > 1 ? -1 : guest.writes(TARGETS[disk] ?? ''))));
  }

  /** A disk as a restore of the last increment would make it: all increments, each laid over the one before. */
  async restore(disk: number): Promise<string> {
    const directory = path.join(this.#store, 'restored');
    await mkdir(directory, { recursive: true });
    const at = (increment: number) => path.join(directory, `disk.${disk}.${increment}`);
    for (let increment = 0; increment <= this.last; increment += 1) {
      // Those before were laid when they were the last.
      if (existsSync(at(increment))) continue;
      await cp(path.join(this.#store, String(increment), `disk.${disk}.${increment}`), at(increment));
      const info = JSON.parse(await tool('qemu-img', ['info', '-f', 'qcow2', '--output=json', at(increment)])) as Record<string, unknown>;
      if ('backing-filename' in info) throw new Error(`${at(increment)} has a backing file: ${String(info['backing-filename'])}`);
      await tool('qemu-img', ['check', '-q', '-f', 'qcow2', at(increment)]);
      if (increment > 0) await tool('qemu-img', ['rebase', '-u', '-f', 'qcow2', '-b', at(increment - 1), '-F', 'qcow2', at(increment)]);
    }
    return at(this.last);
  }

  /** Throws unless every disk of the last increment, restored, is of one moment and holds what was written before. */
  async verify(written: readonly number[]): Promise<Records[]> {
    const all: Records[] = [];
    for (const [index, disk] of this.disks.entries()) {
      if (disk > 1) await tool('e2fsck', ['-fn', await this.#raw(disk)]).catch(() => this.#fsckWithJournal(disk));
      else all.push(await verifyRecords(await this.restore(disk), 'qcow2', written[index] ?? -1));
    }
    return all;
  }

  async #raw(disk: number): Promise<string> {
    const restored = await this.restore(disk);
    await tool('qemu-img', ['convert', '-f', 'qcow2', '-O', 'raw', restored, `${restored}.raw`]);
    return `${restored}.raw`;
  }

  /** A file system that was in use: whole once its journal is replayed. */
  async #fsckWithJournal(disk: number): Promise<void> {
    const file = await this.#raw(disk);
    await tool('e2fsck', ['-E', 'journal_only', '-y', file]).catch(() => undefined);
    await tool('e2fsck', ['-fn', file]);
  }

  /** Names that may not be left after a backup. */
  leftovers(): string[] {
    const parent = path.dirname(this.staged);
    const names = existsSync(parent) ? readdirSync(parent).filter((name) => /backup|^tmp$/.test(name)) : [];
    return [...names, ...this.#vm.leftovers()];
  }
}

export function must(result: ActionResult): ActionResult {
  if (result.exit !== 0 || result.info !== '-') throw new Error(`${result.action}: exit ${result.exit}: ${result.stderr}`);
  return result;
}

import { execFileSync } from 'node:child_process';
import { copyFile, mkdir, rm, writeFile } from 'node:fs/promises';
import path from 'node:path';

const MIB = 1024 * 1024;

/** A disk that changes, and at each step what a backup of it is staged as (contract 7.2, 7.3) and what it must be once restored. */
export class ChangingDisk {
  readonly #directory: string;
  readonly id: number;
  readonly sizeMib: number;

  constructor(directory: string, id: number, sizeMib = 24) {
    this.#directory = directory;
    this.id = id;
    this.sizeMib = sizeMib;
  }

  /** What the guest sees after the given step; written by qemu-io, never by a driver. */
  golden(step: number): string {
    return path.join(this.#directory, `golden.${this.id}.${step}`);
  }

  /** Full backup: a qcow2 image that stands alone. */
  async full(into: string): Promise<void> {
    const golden = this.golden(0);
    qemu('qemu-img', 'create', '-q', '-f', 'raw', golden, `${this.sizeMib}M`);
    for (const [at, pattern] of [
      [0, 17],
      [5, 18],
      [11, 19],
    ] as const) {
      qemu('qemu-io', '-f', 'raw', '-c', `write -q -P ${pattern + this.id} ${at}M 1M`, golden);
    }
    await mkdir(into, { recursive: true });
    qemu('qemu-img', 'convert', '-q', '-f', 'raw', '-O', 'qcow2', golden, path.join(into, `disk.${this.id}.0`));
  }

  /** An increment: only what changed, in an image that names the socket it was read from, which is gone. */
  async increment(into: string, step: number): Promise<void> {
    const golden = this.golden(step);
    await copyFile(this.golden(step - 1), golden);
    const base = path.join(this.#directory, 'base');
    await copyFile(golden, base);
    await mkdir(into, { recursive: true });
    const image = path.join(into, `disk.${this.id}.${step}`);
    await rm(image, { force: true });
    qemu('qemu-img', 'create', '-q', '-f', 'qcow2', '-b', base, '-F', 'raw', image);
    const writes = [`write -q -P ${100 + step} ${step}M 512k`, `write -q -z ${4 + step}M 256k`, `write -q -P ${150 + step} 11M 64k`];
    for (const write of writes) {
      qemu('qemu-io', '-f', 'qcow2', '-c', write, image);
      qemu('qemu-io', '-f', 'raw', '-c', write, golden);
    }
    qemu('qemu-img', 'rebase', '-u', '-f', 'qcow2', '-b', `nbd+unix:///?socket=${into}/backup.socket`, '-F', 'raw', image);
    await rm(base);
  }
}

/** vm.xml as it is staged: base64 over several lines. */
export async function stageVm(into: string, xml: string): Promise<void> {
  const text = Buffer.from(xml).toString('base64').replaceAll(/.{60}/gu, '$&\n');
  await mkdir(into, { recursive: true });
  await writeFile(path.join(into, 'vm.xml'), `${text}\n`);
}

/** Does an image show a guest the same as a raw file? */
export function showsTheSame(image: string, format: string, raw: string): boolean {
  try {
    qemu('qemu-img', 'compare', '-q', '-f', format, '-F', 'raw', image, raw);
    return true;
  } catch {
    return false;
  }
}

export function mib(count: number): number {
  return count * MIB;
}

function qemu(program: string, ...args: readonly string[]): void {
  execFileSync(program, args, { stdio: ['ignore', 'ignore', 'inherit'] });
}

import { truncate } from 'node:fs/promises';
import { diskFacts, guestWrite, sameContent, tool } from './tools.ts';

const MIB = 1 << 20;

/**
 * What a disk must hold: a raw file beside the site that gets every write the guest makes. It never goes through the drivers, so a
 * comparison with it is independent of them.
 */
export class Reference {
  readonly file: string;
  sizeMb: number;
  readonly #snapshots = new Map<number, string>();

  constructor(file: string, sizeMb: number) {
    this.file = file;
    this.sizeMb = sizeMb;
  }

  /** A copy of a raw file, or of the content a disk has now. */
  static async from(source: string, format: string, file: string): Promise<Reference> {
    await tool('qemu-img', 'convert', '-f', format, '-O', 'raw', source, file);
    return new Reference(file, (await diskFacts(file, 'raw')).virtualSize / MIB);
  }

  /** The guest writes `sizeMb` of a pattern at an offset, into the disk and here. */
  async write(disk: string, format: string, offsetMb: number, sizeMb: number, pattern: number): Promise<void> {
    await guestWrite(disk, format, offsetMb * MIB, sizeMb * MIB, pattern);
    await guestWrite(this.file, 'raw', offsetMb * MIB, sizeMb * MIB, pattern);
  }

  async snapshot(id: number): Promise<void> {
    const copy = `${this.file}.${id}`;
    await tool('cp', '--sparse=always', '--reflink=auto', this.file, copy);
    this.#snapshots.set(id, copy);
  }

  async revert(id: number): Promise<void> {
    await tool('cp', '--sparse=always', '--reflink=auto', this.ofSnapshot(id), this.file);
    await truncate(this.file, this.sizeMb * MIB);
  }

  ofSnapshot(id: number): string {
    const copy = this.#snapshots.get(id);
    if (copy === undefined) throw new Error(`${this.file} has no snapshot ${id}`);
    return copy;
  }

  async resize(sizeMb: number): Promise<void> {
    await truncate(this.file, sizeMb * MIB);
    this.sizeMb = sizeMb;
  }

  /** Throws unless the disk has this size, format and content. */
  async check(disk: string, format: string): Promise<void> {
    const facts = await diskFacts(disk, format);
    if (facts.virtualSize !== this.sizeMb * MIB) throw new Error(`${disk} is ${facts.virtualSize / MIB} MiB, expected ${this.sizeMb} MiB`);
    await sameContent(this.file, 'raw', disk, format);
  }
}

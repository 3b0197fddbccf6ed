import { readFile } from 'node:fs/promises';
import { KIB, MIB } from '../../runtime/units.ts';
import type { SourceEntry } from './entries.ts';

const ONE = 256 * KIB;
const ALL = 2 * MIB;

/** Content of the small files, by index: a process for each would cost more than its bytes. */
export async function readInline(entries: readonly SourceEntry[]): Promise<ReadonlyMap<number, Buffer>> {
  const content = new Map<number, Buffer>();
  let total = 0;
  for (const [index, { type, file, sizeBytes }] of entries.entries()) {
    if (type !== 'file' || sizeBytes > ONE || total + sizeBytes > ALL) continue;
    content.set(index, await readFile(file));
    total += sizeBytes;
  }
  return content;
}

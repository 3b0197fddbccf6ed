import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { gunzipSync } from 'node:zlib';

const DIRECTORY = path.join(import.meta.dirname, '../fixtures/ceph');

/** The backups that there are of the disk. */
export const STEPS = [0, 1, 2, 3] as const;

/** A real export (test/fixtures/ceph): of a step, or the full one of a clone. */
export function realExport(step: number | 'clone'): Buffer {
  const name = step === 'clone' ? 'clone.rbd2' : exportName(0, step);
  return gunzipSync(readFileSync(path.join(DIRECTORY, `${name}.gz`)));
}

/** As the stock driver names it (contract 7.2). */
export function exportName(diskId: number, step: number): string {
  return step === 0 ? `disk.${diskId}.rbd2` : `disk.${diskId}.${step}.rbdiff`;
}

/** What a prebackup of the stock driver leaves at a step. */
export async function stageExport(into: string, diskId: number, step: number): Promise<void> {
  await mkdir(into, { recursive: true });
  await writeFile(path.join(into, exportName(diskId, step)), realExport(step));
}

/** Is a raw file the disk as Ceph itself gives it at a step? */
export async function isAsOf(file: string, step: number | 'clone'): Promise<boolean> {
  const sums = await readFile(path.join(DIRECTORY, 'SHA256SUMS'), 'utf8');
  const wanted = new RegExp(`^([0-9a-f]{64}) {2}${step}$`, 'mu').exec(sums)?.[1];
  if (wanted === undefined) throw new Error(`there is no sum of step ${step}`);
  return (
    createHash('sha256')
      .update(await readFile(file))
      .digest('hex') === wanted
  );
}

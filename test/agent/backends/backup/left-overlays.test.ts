import { existsSync } from 'node:fs';
import { mkdir, mkdtemp, readdir, rm, utimes } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { commitLeftOverlaysOff } from '../../../../agent/backends/backup/left-overlays.ts';
import { tool } from '../../../lab/tools.ts';

/** What an interrupted backup of the stock drivers left of a VM that is off now. */

let root: string;
let vm: string;
let lines: string[];
const at = (...names: string[]) => path.join(vm, ...names);
const context = { signal: new AbortController().signal, log: (level: string, text: string) => void lines.push(`${level} ${text}`) };
const disk = () => ({ id: 0, path: at('disk.0'), directory: vm, name: 'disk.0', root, format: 'qcow2' as const });

beforeEach(async () => {
  lines = [];
  root = path.join(await mkdtemp(path.join(os.tmpdir(), 'onestorage-overlays-')), '107');
  vm = path.join(root, '9');
  await mkdir(at('tmp'), { recursive: true });
  await tool('qemu-img', 'create', '-q', '-f', 'qcow2', at('disk.0'), '4M');
  await tool('qemu-io', '-f', 'qcow2', '-c', 'write -P 1 0 1M', at('disk.0'));
  await tool('qemu-img', 'create', '-q', '-f', 'qcow2', '-b', at('disk.0'), '-F', 'qcow2', at('tmp', 'overlay_0.qcow2'));
});
afterEach(() => rm(path.dirname(root), { recursive: true }));

const write = () => tool('qemu-io', '-f', 'qcow2', '-c', 'write -P 2 1M 1M', at('tmp', 'overlay_0.qcow2'));
const reads = (pattern: number, offset: string) =>
  tool('qemu-io', '-f', 'qcow2', '-c', `read -P ${pattern} ${offset} 1M`, at('disk.0')).then(
    () => true,
    () => false,
  );

it('is written into the disk', async () => {
  await write();
  await commitLeftOverlaysOff(vm, [disk()], context);
  expect([await reads(1, '0'), await reads(2, '1M')]).toEqual([true, true]);
  expect(existsSync(at('tmp'))).toBe(false);
  expect(lines).toEqual([
    expect.stringMatching(/^warn .*overlay_0\.qcow2 was left by an interrupted backup: it is written into the disk$/),
  ]);
  await commitLeftOverlaysOff(vm, [disk()], context);
});

it('stays when the disk was written to after it: a person must look', async () => {
  await write();
  const later = new Date(Date.now() + 60_000);
  await utimes(at('disk.0'), later, later);
  await commitLeftOverlaysOff(vm, [disk()], context);
  expect(await reads(2, '1M')).toBe(false);
  expect(await readdir(at('tmp'))).toEqual(['overlay_0.qcow2']);
  expect(lines).toEqual([expect.stringContaining('it stays, look at it')]);
});

it('with nothing in it, or of another disk, is left alone', async () => {
  await commitLeftOverlaysOff(vm, [disk()], context);
  await write();
  await commitLeftOverlaysOff(vm, [{ ...disk(), id: 3 }], context);
  expect(await readdir(at('tmp'))).toEqual(['overlay_0.qcow2']);
  expect(lines).toEqual([]);
});

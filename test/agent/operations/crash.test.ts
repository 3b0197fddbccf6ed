import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, readdir, readFile, stat, symlink, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { describe, expect, it } from 'vitest';
import { MIB } from '../../../runtime/units.ts';
import { lacks, temporaryDirectory } from '../tools/context.ts';

const PROGRAM = path.join(import.meta.dirname, 'crash-program.ts');
const TARGET = { datastoreId: 104, path: '9/disk.2' };
const CREATE = { target: TARGET, sizeBytes: 4 * MIB, format: 'qcow2', fileSystem: 'ext4', preallocate: false, monitor: 'agent_local' };
const RESIZE = { target: TARGET, sizeBytes: 8 * MIB, format: 'raw', preallocate: false };
const CONTEXT = { target: TARGET, files: [{ origin: { from: 'vm', path: '9/context.sh' }, name: 'context.sh' }] };
const TPM = 'tpm/tpm2-00.permall';
const place = (name: string) => ({ datastoreId: 104, path: `9/${name}` });
const SWAP = { disks: ['disk.0', TPM].map((name) => ({ disk: place(name), replacement: place(`${name}.backup`) })) };
const incomplete = await lacks('qemu-img', 'mkfs.ext4', 'xorriso');

/** How it ended: an exit code or a signal. */
async function runAgent(base: string, kind: string, input: object, failpoints = ''): Promise<number | string> {
  const child = spawn(process.execPath, [PROGRAM, base, kind, JSON.stringify(input)], {
    env: { ...process.env, ONESTORAGE_FAILPOINTS: failpoints },
    stdio: ['ignore', 'ignore', 'inherit'],
  });
  const [code, signal] = (await once(child, 'exit')) as [number | null, string | null];
  return code ?? signal ?? 'lost';
}

/** What is below the datastore, without directories. */
async function files(base: string): Promise<string[]> {
  const entries = await readdir(path.join(base, 'datastores/104'), { recursive: true });
  return entries.filter((entry) => entry !== '9').sort();
}

async function setUp(kind: string): Promise<string> {
  const base = await temporaryDirectory();
  await mkdir(path.join(base, 'vms/9'), { recursive: true });
  await writeFile(path.join(base, 'vms/9/context.sh'), 'A=1\n');
  if (kind === 'disk.create' || kind === 'context.create') return base;
  if (kind === 'disk.swap') {
    const vm = path.join(base, 'datastores/104/9');
    await mkdir(path.join(vm, 'tpm'), { recursive: true });
    await mkdir(path.join(vm, 'disk.0.snap'));
    await writeFile(path.join(vm, 'disk.0.snap/0'), 'old');
    await symlink('disk.0.snap/0', path.join(vm, 'disk.0'));
    await writeFile(path.join(vm, TPM), 'old');
    for (const name of ['disk.0', TPM]) await writeFile(path.join(vm, `${name}.backup`), `new ${name}`);
    return base;
  }
  await mkdir(path.join(base, 'datastores/104/9/disk.2.snap'), { recursive: true });
  await writeFile(path.join(base, 'datastores/104/9/disk.2'), Buffer.alloc(4 * MIB));
  return base;
}

const CASES: readonly (readonly [kind: string, steps: readonly string[], input: object, left: readonly string[]])[] = [
  ['disk.create', ['make', 'publish', 'mark'], CREATE, ['.monitor', '9/disk.2']],
  ['context.create', ['make', 'publish'], CONTEXT, ['9/disk.2']],
  ['disk.resize', ['resize'], RESIZE, ['9/disk.2', '9/disk.2.snap']],
  ['disk.remove', ['remove'], { target: TARGET }, []],
];
const POINTS = CASES.flatMap(([kind, steps, input, left]) =>
  steps.flatMap((step) => ['begin', 'end'].map((when) => ({ kind, point: `${kind}.${step}.${when}`, input, left }))),
);
const SWAP_POINTS = [
  ...['check.begin', 'check.end', 'swap disk.0.begin', 'disk.0.aside', 'swap disk.0.end', 'swap tpm2-00.permall.begin'],
  ...['tpm2-00.permall.aside', 'swap tpm2-00.permall.end', 'remove.begin', 'remove.end'],
];

describe.skipIf(incomplete)('after kill -9 at any step the next start finishes the work', () => {
  it.each(POINTS)('$point', async ({ kind, point, input, left }) => {
    const base = await setUp(kind);
    expect(await runAgent(base, kind, input, `${point}=kill`)).toBe('SIGKILL');
    expect(await runAgent(base, kind, input)).toBe(0);
    expect(await files(base)).toEqual(left);
    if (kind === 'disk.resize') expect((await stat(path.join(base, 'datastores/104/9/disk.2'))).size).toBe(8 * MIB);
  });

  it.each(SWAP_POINTS)('disk.swap.%s: a disk and the state of a TPM, both new', async (point) => {
    const base = await setUp('disk.swap');
    expect(await runAgent(base, 'disk.swap', SWAP, `disk.swap.${point}=kill`)).toBe('SIGKILL');
    expect(await runAgent(base, 'disk.swap', SWAP)).toBe(0);
    expect(await files(base)).toEqual(['9/disk.0', '9/tpm', `9/${TPM}`]);
    for (const name of ['disk.0', TPM]) expect(await readFile(path.join(base, 'datastores/104/9', name), 'utf8')).toBe(`new ${name}`);
  });
});

import { readFile, truncate, writeFile } from 'node:fs/promises';
import path from 'node:path';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { judge } from '../../../agent/images/gate.ts';
import { info } from '../../../agent/tools/qemu-img.ts';
import { run } from '../../../agent/tools/run.ts';
import { asStorageError, StorageError } from '../../../runtime/errors.ts';
import { fakeContext, lacks, temporaryDirectory } from '../tools/context.ts';

const context = fakeContext();
const POLICY = { backing: 'none', import: true } as const;
const FILE_SIZE = 400 * 1024;
const HEAD = 4 * 1024;
const TAIL = Buffer.alloc(512);
const RUNS = 12_000;
const incomplete = await lacks('qemu-img');

/** Starts of real images of many kinds, some of which must be refused. */
async function seeds(): Promise<Buffer[]> {
  const directory = await temporaryDirectory();
  const kinds: readonly (readonly string[])[] = [
    [],
    ['-o', 'compat=0.10'],
    ['-o', 'cluster_size=512'],
    ['-o', 'extended_l2=on,cluster_size=16k'],
    ['-o', 'compression_type=zstd'],
    ['-o', 'lazy_refcounts=on'],
    ['-u', '-b', 'other', '-F', 'raw'],
    ['-u', '-b', 'other', '-F', 'qcow2', '-o', 'compat=0.10'],
    ['-o', `data_file=${path.join(directory, 'data')}`],
  ];
  const heads: Buffer[] = [];
  for (const [index, options] of kinds.entries()) {
    const file = path.join(directory, String(index));
    await run('qemu-img', ['create', '-q', '-f', 'qcow2', ...options, '--', file, '1M'], context);
    if (index === 0) await run('qemu-img', ['bitmap', '--add', '-f', 'qcow2', file, 'a'], context);
    heads.push((await readFile(file)).subarray(0, HEAD));
  }
  return heads;
}

/** The format that was accepted, or undefined when it was refused as it should be. Anything else thrown is a defect. */
function verdict(head: Buffer, declared: 'raw' | 'qcow2' | undefined): 'raw' | 'qcow2' | undefined {
  try {
    return judge(head, TAIL, FILE_SIZE, declared, POLICY).format;
  } catch (thrown) {
    if (thrown instanceof StorageError && thrown.reason === 'bad_image') return undefined;
    throw thrown;
  }
}

/** Reads what the gate must never let pass, without the gate's own code. */
function mustBeRefused(head: Buffer): boolean {
  if (head.readBigUInt64BE(8) !== 0n || head.readUInt32BE(32) !== 0) return true;
  return head.readUInt32BE(4) === 3 && (head.readBigUInt64BE(72) & 0b110n) !== 0n;
}

const edit = fc.record({ at: fc.integer({ min: 0, max: 255 }), bytes: fc.uint8Array({ minLength: 1, maxLength: 8 }) });
const INTERESTING = [0, 1, 2, 3, 4, 8, 63, 64, 72, 104, 112, 512, 65536, 0x7fffffff, 0x80000000, 0xffffffff];
const word = fc.record({ at: fc.integer({ min: 0, max: 63 }), value: fc.constantFrom(...INTERESTING, 0x44415441, 0x0537be77, 0x23852875) });

function mutate(
  seed: Buffer,
  edits: readonly { at: number; bytes: Uint8Array }[],
  words: readonly { at: number; value: number }[],
): Buffer {
  const head = Buffer.from(seed);
  for (const { at, bytes } of edits) head.set(bytes, at);
  for (const { at, value } of words) head.writeUInt32BE(value, at * 4);
  return head;
}

describe.skipIf(incomplete)('the header gate against hostile headers', () => {
  it('refuses or takes random bytes, and nothing else happens', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 600 }), fc.boolean(), (bytes, magic) => {
        const head = Buffer.from(bytes);
        if (magic && head.length >= 8) head.set([0x51, 0x46, 0x49, 0xfb, 0, 0, 0, 3]);
        expect(verdict(head, 'qcow2') ?? 'refused').not.toBe('raw');
        verdict(head, undefined);
      }),
      { numRuns: RUNS },
    );
  });

  it('never takes a changed real header that refers to another file', async () => {
    const heads = await seeds();
    let taken = 0;
    fc.assert(
      fc.property(fc.constantFrom(...heads), fc.array(edit, { maxLength: 3 }), fc.array(word, { maxLength: 2 }), (seed, edits, words) => {
        const head = mutate(seed, edits, words);
        if (verdict(head, 'qcow2') !== 'qcow2') return;
        taken += 1;
        expect(mustBeRefused(head)).toBe(false);
      }),
      { numRuns: 2 * RUNS },
    );
    // Else the property says nothing.
    expect(taken).toBeGreaterThan(100);
  });

  it('takes nothing that qemu-img sees another file in', async () => {
    const heads = await seeds();
    const file = path.join(await temporaryDirectory(), 'image');
    const taken: Buffer[] = [];
    fc.assert(
      fc.property(fc.constantFrom(...heads), fc.array(word, { minLength: 1, maxLength: 2 }), (seed, words) => {
        const head = mutate(seed, [], words);
        if (verdict(head, 'qcow2') === 'qcow2') taken.push(head);
      }),
      { numRuns: 500 },
    );
    for (const head of taken.slice(0, 25)) {
      await writeFile(file, head);
      await truncate(file, FILE_SIZE);
      // qemu may refuse what has no sound tables; what it opens must stand alone.
      const seen = await info(file, 'qcow2', context, { untrusted: true }).catch((thrown: unknown) => asStorageError(thrown));
      if (seen instanceof StorageError) expect(seen.reason).toBe('tool_failed');
      else expect(seen).toMatchObject({ format: 'qcow2', backing: undefined });
    }
    expect(taken.length).toBeGreaterThan(5);
  });
});

import { createHash, type Hash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { z } from 'zod';
import { asStorageError, StorageError } from '../../runtime/errors.ts';

/** Length of the digest in hexadecimal digits. */
const ALGORITHMS = { md5: 32, sha1: 40, sha256: 64, sha512: 128 } as const satisfies Readonly<Record<string, number>>;

export type Algorithm = keyof typeof ALGORITHMS;

/** A checksum of the raw bytes, before decompression (contract 5.4). Stands in the journal. */
export const ChecksumInput = z.object({ algorithm: z.enum(['md5', 'sha1', 'sha256', 'sha512']), hex: z.string() });

export type Checksum = z.infer<typeof ChecksumInput>;

/** Reads what OpenNebula gives; case does not matter. Throws bad_argument. */
export function parseChecksum(algorithm: string, hex: string): Checksum {
  const name = algorithm.trim().toLowerCase();
  if (!Object.hasOwn(ALGORITHMS, name)) {
    throw new StorageError('bad_argument', `"${algorithm.slice(0, 40)}" is not a checksum; use ${Object.keys(ALGORITHMS).join(', ')}`);
  }
  const digits = hex.trim().toLowerCase();
  const length = ALGORITHMS[name as Algorithm];
  if (digits.length !== length || !/^[0-9a-f]+$/u.test(digits)) {
    throw new StorageError(
      'bad_argument',
      `${name.toUpperCase()} of the image is not ${length} hexadecimal digits: "${hex.slice(0, 140)}"`,
    );
  }
  return { algorithm: name as Algorithm, hex: digits };
}

/** Computes every asked-for checksum while the bytes go by. */
export class Hashers {
  readonly #wanted: readonly Checksum[];
  readonly #hashes: ReadonlyMap<Algorithm, Hash>;

  constructor(wanted: readonly Checksum[]) {
    this.#wanted = wanted;
    this.#hashes = new Map([...new Set(wanted.map(({ algorithm }) => algorithm))].map((algorithm) => [algorithm, createHash(algorithm)]));
  }

  get needed(): boolean {
    return this.#wanted.length > 0;
  }

  update(chunk: Buffer): void {
    for (const hash of this.#hashes.values()) hash.update(chunk);
  }

  /** Call it once, at the end. Throws bad_checksum for the first that differs. */
  verify(label: string): void {
    const got = new Map([...this.#hashes].map(([algorithm, hash]) => [algorithm, hash.digest('hex')]));
    for (const { algorithm, hex } of this.#wanted) {
      const found = got.get(algorithm);
      if (found === hex) continue;
      throw new StorageError('bad_checksum', `${algorithm} of ${label} is ${found}, expected ${hex}`);
    }
  }
}

/** Reads a file that is already in its place and compares; gives the bytes read. */
export async function verifyFile(path: string, label: string, wanted: readonly Checksum[], signal: AbortSignal): Promise<number> {
  const hashers = new Hashers(wanted);
  let read = 0;
  try {
    for await (const chunk of createReadStream(path, { highWaterMark: 1 << 20, signal })) {
      hashers.update(chunk as Buffer);
      read += (chunk as Buffer).length;
    }
  } catch (thrown) {
    throw asStorageError(thrown, `read ${path}`);
  }
  hashers.verify(label);
  return read;
}

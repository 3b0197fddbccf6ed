import { createHash, randomBytes } from 'node:crypto';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { Hashers, parseChecksum, verifyFile } from '../../../agent/origin/checksums.ts';
import { failureOf, scratch } from './helpers.ts';

const content = randomBytes(3_000_000);
const hex = (name: string): string => createHash(name).update(content).digest('hex');

describe('checksums', () => {
  it.each(['md5', 'sha1', 'sha256', 'sha512'])('%s in any case, over a stream and over a file', async (name) => {
    const wanted = [parseChecksum(name.toUpperCase(), hex(name).toUpperCase())];
    const hashers = new Hashers(wanted);
    hashers.update(content.subarray(0, 1000));
    hashers.update(content.subarray(1000));
    expect(() => hashers.verify('a')).not.toThrow();
    const root = await scratch();
    try {
      const file = join(root.path, 'a');
      await writeFile(file, content);
      expect(await verifyFile(file, 'a', wanted, new AbortController().signal)).toBe(content.length);
      await writeFile(file, content.subarray(1));
      expect(await failureOf(verifyFile(file, 'a', wanted, new AbortController().signal))).toMatchObject({ reason: 'bad_checksum' });
    } finally {
      await root.remove();
    }
  });

  it('compares all of them, not only the last', () => {
    const hashers = new Hashers([parseChecksum('md5', '0'.repeat(32)), parseChecksum('sha1', hex('sha1'))]);
    hashers.update(content);
    expect(() => hashers.verify('image')).toThrow(`md5 of image is ${hex('md5')}, expected ${'0'.repeat(32)}`);
  });

  it.each([
    ['md5', ''],
    ['md5', 'g'.repeat(32)],
    ['sha256', '0'.repeat(40)],
    ['crc32', '00000000'],
    ['constructor', ''],
  ])('%s %j is refused', (name, digits) => {
    expect(() => parseChecksum(name, digits)).toThrow(expect.objectContaining({ reason: 'bad_argument' }));
  });
});

import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type RbdEvent, readRbd } from '../../../../agent/backends/repository/rbd-stream.ts';
import { type DifferenceOf, difference, image, inPieces, record, u32, u64 } from '../../../helpers/rbd-export.ts';

const WHAT = 'disk.0.rbd2 of backup 0a1b2c3d';
const data = Buffer.from('data of a guest');
const FULL: DifferenceOf = { size: 4096, extents: [{ offset: 512, data }] };
const NEXT: DifferenceOf = { from: 'a', to: 'b', size: 8192, extents: [{ offset: 8000, data: 192 }] };

/** Pieces of one stretch of data are one event here: how the bytes came says nothing. */
async function read(bytes: Buffer, sizes: readonly number[] = [7]): Promise<RbdEvent[]> {
  const events: RbdEvent[] = [];
  for await (const event of readRbd(inPieces(bytes, sizes), WHAT)) {
    const last = events.at(-1);
    if (event.type === 'data' && last?.type === 'data' && last.offset + last.data.length === event.offset) {
      events[events.length - 1] = { ...last, data: Buffer.concat([last.data, event.data]) };
    } else events.push(event.type === 'data' ? { ...event, data: Buffer.from(event.data) } : event);
  }
  return events;
}

describe('an export of Ceph', () => {
  it('is read as it was written: a difference of either version', async () => {
    const expected = [
      { type: 'difference', from: 'a', to: 'b', sizeBytes: 8192 },
      { type: 'zeros', offset: 8000, length: 192 },
    ];
    expect(await read(difference(1, NEXT))).toEqual(expected);
    expect(await read(difference(2, NEXT))).toEqual(expected);
  });

  it('is read as it was written: an image with its snapshots, and with properties that nobody knows', async () => {
    const properties = Buffer.concat([
      record(2, 'M', Buffer.concat([u32(1), Buffer.from('k'), u32(1), Buffer.from('v')])),
      record(2, 'X', data),
    ]);
    const bytes = image([{ ...FULL, to: 'a' }, NEXT, { from: 'b', size: 0, extents: [] }], properties);
    expect(await read(bytes)).toEqual([
      { type: 'difference', from: undefined, to: 'a', sizeBytes: 4096 },
      { type: 'data', offset: 512, data },
      { type: 'difference', from: 'a', to: 'b', sizeBytes: 8192 },
      { type: 'zeros', offset: 8000, length: 192 },
      { type: 'difference', from: 'b', to: undefined, sizeBytes: 0 },
    ]);
  });

  it('is the same in whatever pieces it comes', async () => {
    const bytes = image([
      { ...FULL, to: 'a' },
      { from: 'a', ...FULL },
    ]);
    const whole = await read(bytes, [bytes.length]);
    await fc.assert(
      fc.asyncProperty(fc.array(fc.integer({ min: 1, max: 40 }), { minLength: 1, maxLength: 5 }), async (sizes) => {
        expect(await read(bytes, sizes)).toEqual(whole);
      }),
      { numRuns: 50 },
    );
  });

  const v1 = (...records: readonly Buffer[]): Buffer => Buffer.concat([Buffer.from('rbd diff v1\n'), ...records, Buffer.from('e')]);
  const size = record(1, 's', u64(4096));
  const extent = (offset: number | bigint, length: number | bigint): Buffer => Buffer.concat([u64(offset), u64(length)]);

  it.each<[string, Buffer, string]>([
    ['is something else', Buffer.from('QFI\xfb and so on, for a while'), 'it begins as something else'],
    ['is an image of format 1', Buffer.alloc(4096), 'it begins as something else'],
    ['is of a version to come', Buffer.from('rbd image v3\n'), 'it begins as something else'],
    ['is empty', Buffer.alloc(0), 'it ends too early'],
    ['goes on behind its end', Buffer.concat([difference(1, NEXT), Buffer.from('e')]), 'something follows its end'],
    ['has no size', v1(), 'a difference has no size'],
    ['has its size behind the data', v1(record(1, 'z', extent(0, 1)), size), 'a difference has no size'],
    ['has two sizes', v1(size, size), 'its record s is there twice'],
    ['has a size within the data', v1(size, record(1, 'z', extent(0, 1)), size), 'its record "s" is not known, or out of place'],
    ['has a record that nobody knows', v1(size, record(1, 'x', u64(0))), 'its record "x" is not known, or out of place'],
    ['has a record of the other version', v1(record(1, 'p', Buffer.from([1])), size), 'a difference has no size'],
    ['writes behind the end', v1(size, record(1, 'w', Buffer.concat([extent(4090, 15), data]))), '15 bytes at 4090 of 4096'],
    ['zeroes behind the end', v1(size, record(1, 'z', extent(4096, 1))), '1 bytes at 4096 of 4096'],
    ['writes nothing', v1(size, record(1, 'w', extent(0, 0))), '0 bytes at 0 of 4096'],
    ['has a number that is none', v1(size, record(1, 'z', extent(2n ** 64n - 1n, 1))), 'it speaks of 18446744073709551615 bytes'],
    [
      'has two numbers that together are none',
      v1(size, record(1, 'w', extent(2 ** 53 - 1, 2 ** 53 - 1))),
      'bytes at 9007199254740991 of 4096',
    ],
    ['has a name without end', v1(record(1, 'f', u32(2 ** 32 - 1)), size), 'the name of a snapshot has 4294967295 bytes'],
    ['has an empty name', v1(record(1, 't', u32(0)), size), 'the name of a snapshot has 0 bytes'],
    ['has a record that is longer than it is', difference(2, FULL).fill(16, 30, 31), 'its record w has'],
    ['has a property that is no number', image([FULL], record(2, 'U', u32(1))), 'its property U has 4 bytes'],
    ['holds nothing', image([]), 'it holds nothing'],
    ['ends with a snapshot', image([{ ...FULL, to: 'a' }]), 'its snapshots do not end with the image'],
    ['goes on behind the image', image([FULL, FULL]), 'its snapshots do not end with the image'],
    [
      'leaves a snapshot out',
      image([
        { ...FULL, to: 'a' },
        { ...FULL, from: 'b' },
      ]),
      'snapshot "b" is continued, after "a"',
    ],
  ])('that %s is refused in one line', async (_, bytes, why) => {
    await expect(read(bytes)).rejects.toMatchObject({
      reason: 'repository_damaged',
      message: expect.stringMatching(new RegExp(`^${WHAT} cannot be read as an export of Ceph: .*`, 'u')),
    });
    await expect(read(bytes)).rejects.toThrow(why);
  });

  it('that ends early is refused, wherever it ends', async () => {
    const bytes = image([
      { ...FULL, to: 'a' },
      { from: 'a', ...FULL },
    ]);
    for (let length = 0; length < bytes.length; length += 1) {
      await expect(read(bytes.subarray(0, length), [64]), `${length} bytes`).rejects.toMatchObject({ reason: 'repository_damaged' });
    }
  });

  it('lets go of its source at the end, when it is refused, and when nobody reads on', async () => {
    const open = new Set<string>();
    async function* source(key: string, bytes: Buffer): AsyncGenerator<Buffer> {
      open.add(key);
      try {
        yield* inPieces(bytes, [16]);
      } finally {
        open.delete(key);
      }
    }
    for await (const _ of readRbd(source('whole', difference(1, NEXT)), WHAT));
    await expect(
      (async () => {
        for await (const _ of readRbd(source('bad', Buffer.alloc(64)), WHAT));
      })(),
    ).rejects.toThrow();
    for await (const _ of readRbd(source('left', difference(1, NEXT)), WHAT)) break;
    expect([...open]).toEqual([]);
  });

  it('costs no memory for what it says of its lengths', async () => {
    // 8 PiB of data are promised, and 64 KiB of them are there.
    const promised = 2 ** 53 - 1 - 4096;
    const bytes = Buffer.concat([
      Buffer.from('rbd diff v1\n'),
      record(1, 's', u64(2 ** 53 - 1)),
      record(1, 'w', Buffer.concat([u64(0), u64(promised), Buffer.alloc(64 * 1024)])),
    ]);
    const before = process.memoryUsage().arrayBuffers;
    await expect(read(bytes, [4096])).rejects.toThrow('it ends too early');
    expect(process.memoryUsage().arrayBuffers - before).toBeLessThan(64 * 1024 * 1024);
  });
});

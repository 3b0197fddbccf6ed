import { describe, expect, it } from 'vitest';
import { marksOf, readMarks } from '../../../../agent/backends/repository/marks.ts';

const disk = { name: 'disk.0.2', sha256: 'a'.repeat(64), sizeBytes: 12, modified: 1_700_000_000, virtualBytes: 1 << 30 };
const document = { name: 'vm.xml', sha256: 'b'.repeat(64), sizeBytes: 3, modified: 1_700_000_001 };
const merged = Array.from({ length: 12 }, (_, index) => (0xabcdef00 + index).toString(16));
const upload = { directory: '/d', vmId: 7, operationId: 'a1-b2.upload', again: false, merged, files: [disk, document] };

describe('marks of a backup', () => {
  it('come back as they were, in whatever order they are listed', () => {
    const { operationId, merged: read, files } = readMarks(marksOf(upload).toSorted());
    expect(operationId).toBe(upload.operationId);
    expect(read).toEqual(merged);
    expect([...files.values()]).toEqual([disk, document]);
  });

  it('are words of restic and names of files', () => {
    for (const mark of marksOf(upload)) expect(mark).toMatch(/^[\w.-]{1,250}$/u);
  });

  it('of others are not ours', () => {
    const strange = ['one-7', 'file-disk.0.0', `file-../x-${'a'.repeat(64)}-1-1-`, 'merged-x-abcdef', 'merged-1-../../x'];
    expect(readMarks(strange)).toEqual({ operationId: undefined, merged: [], files: new Map() });
  });
});

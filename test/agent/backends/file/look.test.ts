import { writeFile } from 'node:fs/promises';
import path from 'node:path';
import { describe, expect, it } from 'vitest';
import { exists, lstatOrNothing } from '../../../../agent/backends/file/look.ts';
import { temporaryDirectory } from '../../tools/context.ts';

describe('looking whether a file is there', () => {
  it('says no only when it is not there', async () => {
    const directory = await temporaryDirectory();
    await writeFile(path.join(directory, 'a'), '');
    expect(await exists(path.join(directory, 'a'))).toBe(true);
    expect(await exists(path.join(directory, 'b'))).toBe(false);
    expect(await lstatOrNothing(path.join(directory, 'a', 'b'))).toBeUndefined();
  });

  it('fails when it cannot tell', async () => {
    const directory = await temporaryDirectory();
    await expect(exists(path.join(directory, 'x'.repeat(300)))).rejects.toMatchObject({ reason: 'bad_argument' });
  });
});

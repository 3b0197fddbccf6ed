import { appendFile, cp, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, describe, expect, it } from 'vitest';
import { differences, generateAll, generateTypes } from '../../packaging/generate.ts';
import { REASONS } from '../../runtime/errors.ts';

const root = join(import.meta.dirname, '../..');
const directories: string[] = [];
afterEach(async () => {
  for (const directory of directories.splice(0)) await rm(directory, { recursive: true });
});

describe('generated files', () => {
  it('are committed as they are generated', async () => {
    expect(differences(await generateAll(), root)).toEqual([]);
  });

  it('have each reason of an error and what to do about it', async () => {
    const page = (await generateAll()).get('runtime/ERRORS.md') ?? '';
    for (const [reason, { hint, code }] of Object.entries(REASONS)) {
      const row = page.split('\n').find((line) => line.startsWith(`| \`${reason}\` |`)) ?? '';
      expect(row).toContain(`| ${hint} |`);
      expect(row).toContain(`| ${code} |`);
    }
    expect(page).toContain('| no space left | ENOSPC | `no_space` |');
  });

  it('are named when they were changed, are missing, or left over', async () => {
    const directory = await mkdtemp(join(tmpdir(), 'onestorage-generate-test-'));
    directories.push(directory);
    await cp(join(root, 'proto/gen'), join(directory, 'proto/gen'), { recursive: true });
    const types = generateTypes();
    await appendFile(join(directory, 'proto/gen/disk.ts'), '\n// edited by hand\n');
    await rm(join(directory, 'proto/gen/onestorage/v1/Place.ts'));
    await writeFile(join(directory, 'proto/gen/onestorage/v1/Gone.ts'), '');
    expect(differences(types, directory)).toEqual([
      'proto/gen/disk.ts',
      'proto/gen/onestorage/v1/Gone.ts',
      'proto/gen/onestorage/v1/Place.ts',
    ]);
  });
});

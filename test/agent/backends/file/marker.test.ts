import { readdir, readFile, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { describe, expect, it } from 'vitest';
import { writeMarker } from '../../../../agent/backends/file/marker.ts';
import { temporaryDirectory } from '../../tools/context.ts';

describe('the monitoring marker', () => {
  it('is written, and replaces what another driver wrote', async () => {
    const root = await temporaryDirectory();
    const marker = path.join(root, '.monitor');
    await writeMarker(root, 'agent_local', 'op-1');
    expect(await readFile(marker, 'utf8')).toBe('agent_local\n');
    await writeFile(marker, 'ssh\n');
    await writeMarker(root, 'agent_local', 'op-1');
    expect(await readFile(marker, 'utf8')).toBe('agent_local\n');
    expect(await readdir(root)).toEqual(['.monitor']);
  });

  it('leaves a replica cache one', async () => {
    const root = await temporaryDirectory();
    await writeFile(path.join(root, '.monitor'), 'replica\n');
    await writeMarker(root, 'agent_local', 'op-1');
    expect(await readFile(path.join(root, '.monitor'), 'utf8')).toBe('replica\n');
  });

  it('takes no name that could be a path', async () => {
    const root = await temporaryDirectory();
    for (const name of ['', '../x', 'a b', '.x']) {
      await expect(writeMarker(root, name, 'op-1')).rejects.toMatchObject({ reason: 'bad_argument' });
    }
    expect(await readdir(root)).toEqual([]);
  });
});

import { spawnSync } from 'node:child_process';
import { copyFile, mkdir, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { tool } from './tools.ts';

const PREPARE = fileURLToPath(new URL('../../packaging/prepare.sh', import.meta.url));

let directory: string;
beforeEach(async () => {
  directory = await mkdtemp(path.join(os.tmpdir(), 'lab-prepare-'));
});
afterEach(async () => {
  await rm(directory, { recursive: true, force: true });
});

function prepare(words: readonly string[], program = PREPARE, env: Record<string, string | undefined> = process.env) {
  const { status, stdout, stderr } = spawnSync('/bin/sh', [program, ...words], { encoding: 'utf8', env });
  return { status, stdout, stderr };
}

describe('packaging/prepare.sh', () => {
  it('runs the command with the pinned Node first in PATH', () => {
    expect(prepare(['node', '--version'])).toMatchObject({ status: 0, stdout: expect.stringMatching(/^v26\./) });
  });

  it('leaves with the code of the command', () => {
    expect(prepare(['sh', '-c', 'exit 7']).status).toBe(7);
  });

  it('refuses what it does not know', () => {
    expect(prepare([])).toMatchObject({ status: 2, stderr: expect.stringContaining('usage:') });
    expect(prepare(['--with', 'coffee', 'true'])).toMatchObject({ status: 2, stderr: expect.stringContaining('coffee') });
  });

  // A copy below another root, with a PATH that has next to nothing and neither apt-get nor root's rights.
  it('says in one line what to install when it cannot', async () => {
    const copy = path.join(directory, 'packaging', 'prepare.sh');
    const bin = path.join(directory, 'bin');
    await mkdir(path.dirname(copy));
    await mkdir(bin);
    await copyFile(PREPARE, copy);
    await writeFile(path.join(directory, 'package-lock.json'), '{}');
    for (const name of ['dirname', 'sh']) await symlink((await tool('sh', '-c', `command -v ${name}`)).trim(), path.join(bin, name));
    const { status, stderr } = prepare(['true'], copy, { PATH: bin });
    expect({ status, lines: stderr.trimEnd().split('\n').length }).toEqual({ status: 1, lines: 1 });
    expect(stderr).toMatch(/^prepare\.sh: programs are missing; install them with: sudo dnf install .*nbdkit/);
  });
});

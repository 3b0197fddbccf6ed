import { describe, expect, it } from 'vitest';
import { findProgram, PROGRAM_NAMES, PROGRAMS, searchPath } from '../../../agent/tools/programs.ts';
import { programVersion } from '../../../agent/tools/versions.ts';
import { lacks } from './context.ts';

const needed = ['qemu-img', 'mkfs.xfs', 'mkfs.ext4', 'mkswap', 'xorriso'] as const;
const incomplete = await lacks(...needed);

describe('programs', () => {
  it('names a package for each', () => {
    for (const name of PROGRAM_NAMES) expect(PROGRAMS[name].debian.length * PROGRAMS[name].rpm.length).toBeGreaterThan(0);
  });

  it('never looks in a relative directory', () => {
    const before = process.env['PATH'];
    process.env['PATH'] = `.::bin:${before}`;
    try {
      expect(searchPath().every((directory) => directory.startsWith('/'))).toBe(true);
      expect(searchPath()).toContain('/usr/sbin');
    } finally {
      process.env['PATH'] = before;
    }
  });

  it('finds cp and its version', async () => {
    expect(await findProgram('cp')).toMatch(/^\/.*\/cp$/u);
    expect(await programVersion('cp', new AbortController().signal)).toMatch(/^cp \d/u);
  });

  it.skipIf(incomplete)('reads the version of every program it needs', async () => {
    for (const program of needed) {
      expect(await programVersion(program, new AbortController().signal)).toMatch(/^\S+ \d+(\.\d+)+$/u);
    }
  });
});

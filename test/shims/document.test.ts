import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { ACTION_ROWS } from '../../shims/actions.ts';
import { renderActions } from '../../shims/document.ts';

describe('renderActions', () => {
  it('names every action', () => {
    const text = renderActions();
    for (const name of ACTION_ROWS.keys()) expect(text).toContain(`| \`${name.slice(3)}\` |`);
  });

  it('makes tables with as many cells in every line', () => {
    const text = renderActions((_, driver) => driver === 'agent_local');
    for (const block of text.split('\n\n').filter((part) => part.startsWith('|'))) {
      const counts = block
        .trim()
        .split('\n')
        .map((line) => line.replaceAll('\\|', '').split('|').length);
      expect(new Set(counts).size).toBe(1);
    }
    expect(text).toContain('| yes | no | no | no |');
  });

  it('is what stands in ACTIONS.md up to what each driver can do', () => {
    const file = readFileSync(new URL('../../shims/ACTIONS.md', import.meta.url), 'utf8');
    const blocks = renderActions().split('\n\n');
    for (const block of blocks) expect(file).toContain(block.trim());
  });
});

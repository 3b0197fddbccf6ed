import { describe, expect, it } from 'vitest';
import { type ActiveAction, supersededBy } from '../../../controller/operations/supersede.ts';

const action = (id: string, name: ActiveAction['action'], ...targets: string[]): ActiveAction => ({ id, action: name, targets });

describe('supersededBy', () => {
  const active = [
    action('clone0', 'tm/clone', '107/9/disk.0'),
    action('clone1', 'tm/clone', '107/9/disk.1'),
    action('move', 'tm/mv', '107/9', '108/9'),
    action('other', 'tm/clone', '107/90/disk.0'),
    action('save', 'tm/cpds', '107/8/disk.0', '106/abc'),
  ];

  it('a delete gives up all it covers, and nothing of a neighbour', () => {
    expect(supersededBy(action('new', 'tm/delete', '107/9'), active)).toEqual(['clone0', 'clone1', 'move']);
    expect(supersededBy(action('new', 'tm/delete', '107/9/disk.1'), active)).toEqual(['clone1', 'move']);
    expect(supersededBy(action('new', 'ds/rm', '106/abc'), active)).toEqual(['save']);
  });

  it('the same action on the same target gives up the older one', () => {
    expect(supersededBy(action('new', 'tm/clone', '107/9/disk.0'), active)).toEqual(['clone0']);
    expect(supersededBy(action('new', 'tm/mv', '107/9', '108/9'), active)).toEqual(['move']);
  });

  it('everything else waits', () => {
    expect(supersededBy(action('new', 'tm/snap_create', '107/9/disk.0'), active)).toEqual([]);
    expect(supersededBy(action('new', 'ds/cp'), [action('old', 'ds/cp')])).toEqual([]);
    expect(supersededBy(action('save', 'tm/cpds', '107/8/disk.0', '106/abc'), active)).toEqual([]);
  });
});

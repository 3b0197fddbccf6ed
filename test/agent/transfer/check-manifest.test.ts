import { describe, expect, it } from 'vitest';
import { checkManifest } from '../../../agent/transfer/check-manifest.ts';
import type { Entry } from '../../../agent/transfer/entries.ts';

const entry = (path: string, type: Entry['type'] = 'file', link = ''): Entry => ({
  path,
  type,
  mode: 0o644,
  sizeBytes: 1,
  allocatedBytes: 1,
  link,
  modified: 0,
  version: '1',
  format: '',
  backing: '',
});

const disk = { kind: 'disk', images: false, name: 'disk.0', directory: '/ds/0/9', datastores: '/ds' } as const;
const directory = { ...disk, kind: 'directory', name: '9', directory: '/ds/0/9' } as const;
const snapshots = entry('disk.0.snap', 'directory');
const root = entry('.', 'directory');

describe('the manifest of another host', () => {
  it('may name a disk with its layers, and a directory with links into datastores', () => {
    checkManifest(
      [entry('disk.0', 'link', 'disk.0.snap/1'), snapshots, entry('disk.0.snap/1'), entry('disk.0.snap/x.snap', 'link', '.')],
      disk,
    );
    checkManifest(
      [root, entry('a', 'directory'), entry('a/b'), entry('disk.0', 'link', '/ds/1/abc'), entry('c', 'link', '../../1/x')],
      directory,
    );
  });

  it.each<[string, Entry[], typeof disk | typeof directory]>([
    ['a path that goes up', [entry('disk.0'), entry('../disk.1')], disk],
    ['an absolute path', [entry('/etc/passwd')], disk],
    ['another disk', [entry('disk.0'), entry('disk.1')], disk],
    ['a file below a file', [entry('disk.0'), entry('disk.0.snap'), entry('disk.0.snap/0')], disk],
    ['a file below a link', [root, entry('a', 'link', '/ds/1'), entry('a/b')], directory],
    ['one name twice', [entry('disk.0'), entry('disk.0', 'link', 'disk.0.snap/0')], disk],
    ['a link out of the disk', [entry('disk.0', 'link', 'disk.1')], disk],
    ['an absolute link of a disk', [entry('disk.0', 'link', '/ds/0/9/disk.0.snap/0')], disk],
    ['a link out of the datastores', [root, entry('disk.0', 'link', '/etc/passwd')], directory],
    ['a link that climbs out of the datastores', [root, entry('disk.0', 'link', '../../../etc/passwd')], directory],
    ['a link to a name that only starts the same', [root, entry('disk.0', 'link', '/ds2/1')], directory],
    ['a directory instead of a disk', [root, entry('disk.0')], disk],
    ['a disk instead of a directory', [entry('disk.0')], directory],
  ])('may not name %s', (_what, entries, expected) => {
    expect(() => checkManifest(entries, expected)).toThrow();
  });
});

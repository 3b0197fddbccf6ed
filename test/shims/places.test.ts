import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { StorageError } from '../../runtime/errors.ts';
import { splitDatastorePath } from '../../shims/places.ts';

const LOCATION = '/var/lib/one//datastores';

describe('splitDatastorePath', () => {
  it.each([
    ['/var/lib/one//datastores/0/7/disk.0', { datastoreId: 0, path: '7/disk.0' }],
    ['/var/lib/one/datastores/104/abc', { datastoreId: 104, path: 'abc' }],
    ['//var/./lib/one///datastores/104//a//b/', { datastoreId: 104, path: 'a/b' }],
  ])('%s', (path, place) => {
    expect(splitDatastorePath(LOCATION, path)).toEqual(place);
    expect(splitDatastorePath('/var/lib/one/datastores/', path)).toEqual(place);
  });

  it.each([
    'var/lib/one/datastores/0/7',
    '/var/lib/one/datastores/0/../1/x',
    '/var/lib/one/datastores/..',
    '/var/lib/one/datastores',
    '/var/lib/one/datastores/0',
    '/var/lib/one/datastores/0/',
    '/var/lib/one/datastores/01/x',
    '/var/lib/one/datastores/x/y',
    '/var/lib/one/datastores/99999999999/y',
    '/var/lib/one/datastoresx/0/y',
    '/etc/passwd',
    'one/one-3',
    '',
  ])('refuses %j', (path) => {
    expect(() => splitDatastorePath(LOCATION, path)).toThrow(expect.objectContaining({ reason: 'outside_datastore' }));
  });

  it('never gives a path that could leave the datastore', () => {
    const part = fc.oneof(fc.constantFrom('..', '.', '', '0', '7', 'disk.0', 'datastores'), fc.string({ maxLength: 6 }));
    fc.assert(
      fc.property(fc.array(part, { maxLength: 6 }), (parts) => {
        try {
          const place = splitDatastorePath('/d', `/d/${parts.join('/')}`);
          return Number.isInteger(place.datastoreId) && place.path.split('/').every((name) => name !== '' && name !== '.' && name !== '..');
        } catch (error) {
          return error instanceof StorageError && error.reason === 'outside_datastore';
        }
      }),
      { numRuns: 5000 },
    );
  });
});

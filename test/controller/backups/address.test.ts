import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { addressHead, directoryOf, isBackupAddress, parseBackupAddress } from '../../../controller/backups/address.ts';

const RECORDED = [
  'restic://105//0:577e252f,1:407bf2c9,2:16c8a114/var/lib/one/datastores/103/2/backup/disk.5.0',
  'rsync://104//0:d1faac/var/lib/one/datastores/104/0/d1faac/disk.6.0',
];

describe('parseBackupAddress', () => {
  it('reads what stock writes', () => {
    expect(parseBackupAddress(RECORDED[0] ?? '')).toEqual({
      protocol: 'restic',
      rbd: false,
      datastoreId: 105,
      jobId: undefined,
      chain: [
        { id: 0, backupId: '577e252f' },
        { id: 1, backupId: '407bf2c9' },
        { id: 2, backupId: '16c8a114' },
      ],
      path: '/var/lib/one/datastores/103/2/backup/disk.5.0',
      diskId: '5',
    });
    expect(parseBackupAddress('restic+rbd://100/23/0:25f4b298,1:6968545c//var/lib/one/datastores/0/0/backup/disk.0.rbd2')).toMatchObject({
      rbd: true,
      jobId: 23,
      path: '//var/lib/one/datastores/0/0/backup/disk.0.rbd2',
    });
    expect(parseBackupAddress('restic://100/4/cdcf2eb1/var/lib/one/datastores/0/54/backup/disk.0').chain).toEqual([
      { id: 0, backupId: 'cdcf2eb1' },
    ]);
    expect(parseBackupAddress('rsync://104//0:d1faac/var/lib/one/datastores/104/0/d1faac/disk.tpm.0').diskId).toBe('tpm');
  });

  it('says of which repository it is', () => {
    const directories = [...RECORDED, 'restic://105/12/0:577e252f/x/7/backup/disk.0.0', 'rsync://104/12/0:d1faac/x/7/d1faac/disk.0.0'];
    expect(directories.map((text) => directoryOf(parseBackupAddress(text)))).toEqual(['2', '0', 'job_12', '7']);
    expect(() => directoryOf(parseBackupAddress('restic://105//0:577e252f/disk.0.0'))).toThrow('does not say of which VM');
  });

  it.each([
    'restic://105//0:577e252f/var/../../etc/7/backup/disk.0.0',
    'restic://105//1:577e252f,0:407bf2c9/7/backup/disk.0.0',
    'restic://105//0:577e252f;id/7/backup/disk.0.0',
    'restic://105//0:577E252F/7/backup/disk.0.0',
    'restic://105//0:577e252f/7/backup/vm.xml',
    'restic:///0:577e252f/7/backup/disk.0.0',
    'restic://105//0:577e252f,/7/backup/disk.0.0',
    'rsync+lvm://105//0:577e252f/7/backup/disk.0.0',
    "restic://105//0:577e252f/7/backup/disk.0.0'$(id)",
  ])('refuses %s', (text) => {
    expect(() => parseBackupAddress(text)).toThrow('is no disk of a backup');
  });

  it('writes what it reads', () => {
    const link = fc.tuple(fc.nat(9), fc.stringMatching(/^[0-9a-f]{8}$/));
    const address = fc.record({
      protocol: fc.constantFrom('restic' as const, 'rsync' as const),
      rbd: fc.boolean(),
      datastoreId: fc.nat(99999),
      jobId: fc.option(fc.nat(9999), { nil: undefined }),
      chain: fc
        .uniqueArray(link, { minLength: 1, selector: ([id]) => id })
        .map((links) => links.sort(([a], [b]) => a - b).map(([id, backupId]) => ({ id, backupId }))),
    });
    fc.assert(
      fc.property(address, (given) => {
        const text = `${addressHead(given)}/var/lib/one/datastores/0/7/backup/disk.3.1`;
        expect(isBackupAddress(text)).toBe(true);
        expect(parseBackupAddress(text)).toEqual({ ...given, path: '/var/lib/one/datastores/0/7/backup/disk.3.1', diskId: '3' });
      }),
    );
  });

  it('takes any text without harm', () => {
    fc.assert(
      fc.property(fc.string({ maxLength: 300 }), (text) => {
        expect(() => parseBackupAddress(`restic://${text}`)).toThrow(/is no disk of a backup/);
      }),
    );
  });
});

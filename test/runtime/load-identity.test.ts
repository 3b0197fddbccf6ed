import { chmod, copyFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { loadIdentity, readSubject } from '../../runtime/identity/identity.ts';
import { testIdentityDirectory } from '../helpers/pki.ts';

const agent = (): Promise<string> => testIdentityDirectory('agent', { hostName: 'host01', machineId: 'm1' });

describe('an identity', () => {
  it('says who it is and until when', async () => {
    const directory = await testIdentityDirectory('agent', { hostName: 'host01', machineId: 'm1', days: 10 });
    const identity = await loadIdentity(directory, 'agent');
    expect(identity).toMatchObject({ role: 'agent', hostName: 'host01', machineId: 'm1', directory });
    const days = (identity.notAfter.getTime() - Date.now()) / 86_400_000;
    expect(days).toBeGreaterThan(9);
    expect(days).toBeLessThanOrEqual(10);
    expect(identity.key).toContain('-----BEGIN PRIVATE KEY-----');
  });

  it.each([
    { what: 'a file is missing', spoil: (directory: string) => rm(join(directory, 'ca.pem')), says: 'ca.pem: no such file or directory' },
    {
      what: 'it is no PEM',
      spoil: (directory: string) => writeFile(join(directory, 'cert.pem'), 'x'),
      says: 'is not a certificate in PEM',
    },
    {
      what: 'the key is of another certificate',
      spoil: async (directory: string) => copyFile(join(await agent(), 'key.pem'), join(directory, 'key.pem')),
      says: 'is not the key of cert.pem',
    },
    { what: 'others can read the key', spoil: (directory: string) => chmod(join(directory, 'key.pem'), 0o640), says: 'chmod 600' },
    {
      what: 'the authority beside it did not issue it',
      spoil: (directory: string) => copyFile(join(directory, 'cert.pem'), join(directory, 'ca.pem')),
      says: 'was not issued by the authority',
    },
  ])('is refused when $what', async ({ spoil, says }) => {
    const directory = await agent();
    await spoil(directory);
    await expect(loadIdentity(directory, 'agent')).rejects.toMatchObject({
      reason: 'bad_identity',
      message: expect.stringContaining(says),
    });
  });

  it('is refused when it is for another role', async () => {
    await expect(loadIdentity(await agent(), 'controller')).rejects.toMatchObject({
      reason: 'bad_identity',
      message: expect.stringContaining('is for the role agent, this process needs the role controller'),
    });
  });

  it('is refused when it has expired', async () => {
    const directory = await testIdentityDirectory('admin', { days: -1 });
    await expect(loadIdentity(directory, 'admin')).rejects.toMatchObject({
      reason: 'bad_identity',
      message: expect.stringContaining('expired on'),
    });
  });
});

describe('the subject of a certificate', () => {
  it.each([
    {},
    { CN: 'host01' },
    { OU: 'agent', serialNumber: 'm1' },
    { CN: 'host01', OU: 'root' },
    { CN: 'host01', OU: ['agent', 'controller'], serialNumber: 'm1' },
    { CN: ['host01', 'host02'], OU: 'agent', serialNumber: 'm1' },
    { CN: 'host01', OU: 'agent' },
    { CN: 'host01', OU: 'agent', serialNumber: ['m1', 'm2'] },
    { CN: '', OU: 'controller' },
  ])('that is not one host with one role is refused: %o', (subject) => {
    expect(() => readSubject(subject)).toThrow(expect.objectContaining({ reason: 'bad_identity' }));
  });
});

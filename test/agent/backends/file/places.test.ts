import { mkdir, symlink, writeFile } from 'node:fs/promises';
import path from 'node:path';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { locate } from '../../../../agent/backends/file/places.ts';
import { temporaryDirectory } from '../../tools/context.ts';

describe('places', () => {
  it('finds what is below a datastore, there or not', async () => {
    const datastores = await temporaryDirectory();
    const root = path.join(datastores, '104');
    expect(await locate(datastores, { datastoreId: 104, path: '9/disk.0' })).toEqual({
      datastoreId: 104,
      root,
      path: `${root}/9/disk.0`,
      directory: `${root}/9`,
      name: 'disk.0',
    });
    await mkdir(path.join(root, '9'), { recursive: true });
    expect((await locate(datastores, { datastoreId: 104, path: '9' })).directory).toBe(root);
  });

  it.each(['', '/etc/passwd', '..', '9/../../x', '9//disk.0', '9/./x', '9/', 'a\u0000b', '9/a\nb', './9'])('refuses %j', async (text) => {
    await expect(locate('/nowhere', { datastoreId: 0, path: text })).rejects.toMatchObject({ reason: 'outside_datastore' });
  });

  it('refuses ids that are none', async () => {
    for (const datastoreId of [-1, 1.5, Number.NaN]) {
      await expect(locate('/nowhere', { datastoreId, path: 'x' })).rejects.toMatchObject({ reason: 'outside_datastore' });
    }
  });

  it('refuses a directory that is a link, and takes one as the last part', async () => {
    const datastores = await temporaryDirectory();
    const root = path.join(datastores, '0');
    await mkdir(path.join(root, '9'), { recursive: true });
    await symlink('9', path.join(root, 'link'));
    await writeFile(path.join(root, 'file'), '');
    await expect(locate(datastores, { datastoreId: 0, path: 'link/disk.0' })).rejects.toMatchObject({ reason: 'outside_datastore' });
    await expect(locate(datastores, { datastoreId: 0, path: 'file/disk.0' })).rejects.toMatchObject({ reason: 'conflict' });
    expect((await locate(datastores, { datastoreId: 0, path: 'link' })).name).toBe('link');
  });

  it('takes a datastore whose own directory is a link', async () => {
    const datastores = await temporaryDirectory();
    await mkdir(path.join(datastores, 'elsewhere/9'), { recursive: true });
    await symlink('elsewhere', path.join(datastores, '1'));
    expect((await locate(datastores, { datastoreId: 1, path: '9/disk.0' })).path).toBe(path.join(datastores, '1/9/disk.0'));
  });

  it('never leaves the datastore, whatever the text', async () => {
    const part = fc.oneof(fc.constantFrom('..', '.', '', '/', '9', 'disk.0', '\u0000', '%2e%2e', '..\\'), fc.string());
    await fc.assert(
      fc.asyncProperty(fc.array(part, { maxLength: 5 }), async (parts) => {
        const found = await locate('/nowhere', { datastoreId: 7, path: parts.join('/') }).catch(() => undefined);
        if (found !== undefined) expect(path.normalize(found.path).startsWith('/nowhere/7/')).toBe(true);
      }),
    );
  });
});

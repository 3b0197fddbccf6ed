import {
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { shimsCommand } from '../../controller/cli/shims.ts';
import { DRIVER_NAMES, directoryOf, linkNames } from '../../shims/farm.ts';
import { installShims, removeShims } from '../../shims/install.ts';

const PROGRAM = readFileSync(new URL('../../shims/shim.sh', import.meta.url), 'utf8');
let root = '';

function everything(): string[] {
  return (readdirSync(root, { recursive: true }) as string[]).sort();
}

beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'onestorage-farm-'));
});
afterEach(() => rmSync(root, { recursive: true, force: true }));

describe('installShims', () => {
  it('makes one program and a relative link a name', async () => {
    const files = await installShims(root, PROGRAM);
    expect(files.every((file) => file.change === 'made')).toBe(true);
    expect(readFileSync(join(root, 'onestorage/shim.sh'), 'utf8')).toBe(PROGRAM);
    for (const driver of DRIVER_NAMES) {
      expect(readdirSync(join(root, directoryOf(driver))).sort()).toEqual(linkNames(driver));
      for (const name of linkNames(driver)) {
        const path = join(root, directoryOf(driver), name);
        expect(readlinkSync(path)).toBe('../../onestorage/shim.sh');
        expect(statSync(path).mode & 0o111).toBe(0o111);
      }
    }
  });

  it('changes nothing the second time', async () => {
    await installShims(root, PROGRAM);
    const before = everything();
    const inode = statSync(join(root, 'onestorage/shim.sh')).ino;
    const files = await installShims(root, PROGRAM);
    expect(files.every((file) => file.change === 'kept')).toBe(true);
    expect(everything()).toEqual(before);
    expect(statSync(join(root, 'onestorage/shim.sh')).ino).toBe(inode);
  });

  it('renews an old program and drops links that are no longer in the table', async () => {
    await installShims(root, `${PROGRAM}# older\n`, ['tm/agent_local']);
    symlinkSync('../../onestorage/shim.sh', join(root, 'tm/agent_local/gone'));
    writeFileSync(join(root, 'tm/agent_local/mine'), 'of the site');
    const files = await installShims(root, PROGRAM, ['tm/agent_local']);
    expect(files.filter((file) => file.change !== 'kept')).toEqual([
      { path: 'onestorage/shim.sh', change: 'made' },
      { path: 'tm/agent_local/gone', change: 'removed' },
    ]);
    expect(readFileSync(join(root, 'tm/agent_local/mine'), 'utf8')).toBe('of the site');
  });

  it('makes links again of copies that a copying program made', async () => {
    mkdirSync(join(root, 'tm/agent_local'), { recursive: true });
    writeFileSync(join(root, 'tm/agent_local/clone'), PROGRAM);
    await installShims(root, PROGRAM, ['tm/agent_local']);
    expect(lstatSync(join(root, 'tm/agent_local/clone')).isSymbolicLink()).toBe(true);
  });

  it.each([
    ['a file', () => writeFileSync(join(root, 'tm/agent_local/clone'), 'stock')],
    ['a link', () => symlinkSync('../ssh/clone', join(root, 'tm/agent_local/clone'))],
    ['a directory', () => mkdirSync(join(root, 'tm/agent_local/clone'))],
  ])('refuses to replace %s that is not its own, and changes nothing', async (_, make) => {
    mkdirSync(join(root, 'tm/agent_local'), { recursive: true });
    make();
    const before = everything();
    await expect(installShims(root, PROGRAM)).rejects.toMatchObject({ reason: 'already_exists' });
    expect(everything()).toEqual(before);
  });

  it('refuses a driver directory that is a link', async () => {
    mkdirSync(join(root, 'tm/local'), { recursive: true });
    symlinkSync('local', join(root, 'tm/agent_local'));
    await expect(installShims(root, PROGRAM)).rejects.toMatchObject({ reason: 'already_exists' });
    expect(readdirSync(join(root, 'tm/local'))).toEqual([]);
  });

  it('says that the directory is not there', async () => {
    await expect(installShims(join(root, 'absent'), PROGRAM)).rejects.toMatchObject({ reason: 'not_found' });
  });
});

describe('removeShims', () => {
  it('takes everything away, with the program last', async () => {
    await installShims(root, PROGRAM);
    await removeShims(root, ['tm/agent_local']);
    expect(readdirSync(root).sort()).toEqual(['datastore', 'onestorage', 'tm']);
    await removeShims(root);
    expect(everything()).toEqual(['datastore', 'tm']);
    expect(await removeShims(root)).toEqual([]);
  });

  it('leaves what is not its own', async () => {
    await installShims(root, PROGRAM);
    writeFileSync(join(root, 'tm/agent_local/mine'), 'of the site');
    await removeShims(root);
    expect(everything()).toEqual(['datastore', 'tm', 'tm/agent_local', 'tm/agent_local/mine']);
  });
});

describe('onestorage shims install', () => {
  const parse = async (...words: string[]): Promise<void> => {
    await shimsCommand().parseAsync(['install', root, ...words], { from: 'user' });
  };

  it('installs and removes the drivers it is told to', async () => {
    await parse('--driver', 'agent_local', 'datastore/agent_fs', '--json');
    expect(readdirSync(join(root, 'tm'))).toEqual(['agent_local']);
    expect(readdirSync(join(root, 'datastore'))).toEqual(['agent_fs']);
    expect(readFileSync(join(root, 'datastore/agent_fs/cp'), 'utf8')).toBe(PROGRAM);
    await parse('--remove');
    expect(everything()).toEqual(['datastore', 'tm']);
  });

  it('names the drivers there are when it does not know one', async () => {
    await expect(parse('--driver', 'ssh')).rejects.toMatchObject({
      reason: 'bad_argument',
      message: `there is no driver ssh; there are: ${DRIVER_NAMES.map(directoryOf).join(' ')}`,
    });
    expect(everything()).toEqual([]);
  });
});

import { createHash } from 'node:crypto';
import { appendFile, cp, mkdir, symlink, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import path from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import type { AgentContext } from '../../../agent/context.ts';
import { checkHost } from '../../../agent/operations/check-host.ts';
import { statPlaces } from '../../../agent/operations/stat-places.ts';
import { hostsService } from '../../../agent/services/hosts.ts';
import { installShims } from '../../../shims/install.ts';
import { readShim } from '../../../shims/program.ts';
import { temporaryDirectory } from '../tools/context.ts';

async function makeAgent(active: readonly string[] = []) {
  const base = await temporaryDirectory();
  const datastores = path.join(base, 'datastores');
  await mkdir(path.join(datastores, '107/9'), { recursive: true });
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  onTestFinished(() => void server.close());
  const { port } = server.address() as { port: number };
  const operations = {
    get: (id: string) => (active.includes(id) ? { finishedAt: undefined } : undefined),
    list: () => active.map((id) => ({ id })),
  };
  const agent = {
    datastores,
    stateDirectory: base,
    remotes: path.join(base, 'remotes'),
    hostName: 'host01',
    machineId: '0123',
    dataPorts: { first: port, last: port },
    identity: { notAfter: new Date(1_900_000_000_000) },
    operations,
  } as unknown as AgentContext;
  return { agent, datastores, base };
}

describe('what an agent says of its host', () => {
  it('counts ports nobody listens on, left-over files and its journal', async () => {
    const { agent, datastores, base } = await makeAgent(['op.1']);
    await writeFile(path.join(base, 'journal.db'), 'x'.repeat(100));
    await writeFile(path.join(base, 'journal.db-wal'), 'x'.repeat(10));
    for (const name of ['9/.onestorage.op.1.disk.0', '9/.onestorage.gone.1.disk.0', '.onestorage.gone.x', '9/disk.0'])
      await writeFile(path.join(datastores, '107', name), '');
    const found = await checkHost(agent);
    expect(found).toMatchObject({
      hostName: 'host01',
      machineId: '0123',
      datastoresProblem: '',
      journalBytes: 110,
      dataPorts: 1,
      freeDataPorts: 0,
      staleFileCount: 2,
      runningOperations: 1,
      certificateNotAfterUnixMs: 1_900_000_000_000,
    });
    expect([...found.staleFiles].sort()).toEqual(['107/.onestorage.gone.x', '107/9/.onestorage.gone.1.disk.0']);
    expect(Math.abs(found.clockUnixMs - Date.now())).toBeLessThan(60_000);
    expect(await hostsService(agent, { measure: async () => [] }).Check({})).toMatchObject({ staleFileCount: 2 });
  });

  it('says which shims it has, through the link or as a copy', async () => {
    const { agent, base } = await makeAgent();
    const { remotes } = agent;
    expect(await checkHost(agent)).toMatchObject({ remotes, shimSha256: '' });
    await mkdir(remotes);
    await installShims(remotes, await readShim(), ['tm/agent_local']);
    const wanted = createHash('sha256')
      .update(await readShim())
      .digest('hex');
    expect(await checkHost(agent)).toMatchObject({ shimSha256: wanted });
    // As rsync -L leaves it.
    await cp(remotes, path.join(base, 'copy'), { recursive: true, dereference: true });
    const copied = { ...agent, remotes: path.join(base, 'copy') };
    expect(await checkHost(copied)).toMatchObject({ shimSha256: wanted });
    expect(await hostsService(copied, { measure: async () => [] }).Check({})).toMatchObject({ shimSha256: wanted });
    await appendFile(path.join(base, 'copy/tm/agent_local/monitor_ds'), '#');
    expect((await checkHost(copied)).shimSha256).not.toBe(wanted);
  });

  it('says why its datastores cannot be used', async () => {
    const { agent, base } = await makeAgent();
    expect((await checkHost({ ...agent, datastores: path.join(base, 'none') })).datastoresProblem).toContain('no such file or directory');
  });

  it('tells what is at a place, and looks at nothing outside of a datastore', async () => {
    const { agent, datastores } = await makeAgent();
    await writeFile(path.join(datastores, '107/9/0'), 'x'.repeat(5000));
    await symlink('0', path.join(datastores, '107/9/disk.0'));
    await symlink('gone', path.join(datastores, '107/9/disk.1'));
    const at = (text: string) => ({ datastoreId: 107, path: text });
    expect(await statPlaces(agent, [at('9'), at('9/0'), at('9/disk.0'), at('9/disk.1'), at('9/disk.2'), at('8/disk.0')])).toMatchObject([
      { type: 'directory' },
      { type: 'file', sizeBytes: 5000 },
      { type: 'link', sizeBytes: 5000 },
      { type: 'link' },
      { type: '' },
      { type: '' },
    ]);
    await expect(statPlaces(agent, [at('../x')])).rejects.toMatchObject({ reason: 'outside_datastore' });
    await expect(statPlaces(agent, Array(1001).fill(at('9')))).rejects.toMatchObject({ reason: 'too_big' });
  });
});

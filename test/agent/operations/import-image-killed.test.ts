import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFile, truncate } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { type ImportImageInput, importImage } from '../../../agent/operations/import-image.ts';
import { testAgent } from '../origin/agent.ts';
import { failureOf } from '../origin/helpers.ts';
import { disk, ImportLab, pack, padded } from '../origin/import-lab.ts';

const lab = new ImportLab();

describe('an import whose agent is killed', () => {
  async function kill(input: ImportImageInput, failpoints: string, until?: () => boolean): Promise<string> {
    const id = lab.freshId();
    lab.host.agent.operations.stop();
    const child = spawn(process.execPath, [join(import.meta.dirname, 'import-child.ts'), lab.host.root, id, JSON.stringify(input)], {
      env: { ...process.env, ONESTORAGE_FAILPOINTS: failpoints },
      stdio: 'inherit',
    });
    const exited = once(child, 'exit');
    if (until !== undefined) {
      while (!until()) await new Promise((resolve) => setTimeout(resolve, 5));
      child.kill('SIGKILL');
    }
    expect((await exited)[1]).toBe('SIGKILL');
    return id;
  }

  async function restart(id: string): Promise<unknown> {
    const again = await testAgent(lab.host.root);
    try {
      again.agent.operations.register(importImage(again.agent));
      again.agent.operations.recover();
      return await again.agent.operations.watch(id)?.done;
    } finally {
      await again.stop();
    }
  }

  const points = ['prepare', 'fetch', 'finish', 'publish'].flatMap((step) => [`image.import.${step}.begin`, `image.import.${step}.end`]);

  it.each([...points, 'image.import.publish.renamed'])('at %s is done when it is back', async (point) => {
    const input = lab.inputOf(lab.server.serve('/disk', { content: pack('gzip', padded) }), {
      convertTo: 'qcow2',
      stagingDir: join(lab.host.root, 'staging'),
    });
    const id = await kill(input, `${point}=kill`);
    expect(await restart(id)).toEqual({ format: 'qcow2', sizeBytes: padded.length });
    expect((await lab.contentOf('qcow2')).equals(padded)).toBe(true);
    expect(await lab.leftovers()).toEqual(['image']);
  });

  it('in the middle of a download starts it again', async () => {
    const url = lab.server.serve('/disk', { content: disk, stallAfter: { bytes: 300_000, times: 1 } });
    const id = await kill(lab.inputOf(url), '', () => lab.server.requests.length > 0);
    expect(await restart(id)).toEqual({ format: 'raw', sizeBytes: disk.length });
    expect((await readFile(lab.target)).equals(disk)).toBe(true);
    expect(await lab.leftovers()).toEqual(['image']);
  });

  it('leaves nothing when the origin is gone by then', async () => {
    const path = await lab.asFile(disk);
    const id = await kill(lab.inputOf(path), 'image.import.fetch.begin=kill');
    await truncate(path, 0);
    expect(await failureOf(restart(id))).toMatchObject({ reason: 'bad_image' });
    expect(await lab.leftovers()).toEqual([]);
  });

  it('leaves nothing when it needs credentials that are on no disk', async () => {
    const id = await kill(lab.inputOf('s3://bucket/a', { origin: { sealed: true } }), 'image.import.fetch.begin=kill');
    expect(await failureOf(restart(id))).toMatchObject({ reason: 'interrupted', message: expect.stringContaining('s3://bucket/a') });
    expect(await lab.leftovers()).toEqual([]);
  });
});

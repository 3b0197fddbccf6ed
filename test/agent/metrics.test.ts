import { rmSync } from 'node:fs';
import { mkdir, mkdtemp, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { measureDatastores } from '../../agent/metrics.ts';
import { Metrics } from '../../runtime/metrics/metrics.ts';
import { samplesOf } from '../runtime/metrics/exposition.ts';

let directory = '';
beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'onestorage-metrics-'));
});
afterEach(() => rmSync(directory, { recursive: true, force: true }));

describe('the sizes of datastores', () => {
  it('are those of the directories with a number', async () => {
    for (const name of ['0', '107', 'lost+found', '.snapshot', '1x']) await mkdir(join(directory, name));
    await writeFile(join(directory, '108.txt'), '');
    const metrics = new Metrics('agent');
    measureDatastores(metrics, directory);
    // A scrape waits only a moment for the look.
    const samples = await vi.waitFor(
      async () => {
        const found = samplesOf(await metrics.text()).filter(({ name }) => name.startsWith('onestorage_datastore_'));
        expect(found).not.toEqual([]);
        return found;
      },
      { timeout: 30_000 },
    );
    expect(samples.map(({ name, labels }) => [name, labels['datastore']])).toEqual(
      ['size', 'used', 'free'].flatMap((what) => ['0', '107'].map((id) => [`onestorage_datastore_${what}_bytes`, id])),
    );
    expect(Math.min(...samples.filter(({ name }) => name.includes('size')).map(({ value }) => value))).toBeGreaterThan(0);
  });

  it('are none where there is no directory', async () => {
    const metrics = new Metrics('agent');
    measureDatastores(metrics, join(directory, 'missing'));
    expect(samplesOf(await metrics.text()).filter(({ name }) => name.startsWith('onestorage_datastore_'))).toEqual([]);
  });
});

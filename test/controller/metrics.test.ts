import { describe, expect, it } from 'vitest';
import { actionLabels, measureAdmission, measureBackups, measureRead } from '../../controller/metrics.ts';
import { Admission } from '../../controller/operations/admission.ts';
import { createLogger } from '../../runtime/log.ts';
import { Metrics } from '../../runtime/metrics/metrics.ts';
import { samplesOf } from '../runtime/metrics/exposition.ts';

describe('the metrics of actions', () => {
  it('have the action and the class of its admission', () => {
    expect(actionLabels({ input: { action: 'tm/clone', driver: 'agent_local' } })).toEqual({ kind: 'tm/clone', class: 'deploy' });
  });

  it('count reads too', async () => {
    const metrics = new Metrics('controller');
    measureRead(metrics, { action: 'ds/stat' }, 0.1, undefined);
    measureRead(metrics, { action: 'ds/stat' }, 0.1, 'origin_failed');
    const samples = samplesOf(await metrics.text());
    const counts = samples.filter(({ name }) => name === 'onestorage_operation_duration_seconds_count');
    expect(counts.map(({ labels, value }) => [labels['kind'], labels['result'], value])).toEqual([
      ['ds/stat', 'succeeded', 1],
      ['ds/stat', 'failed', 1],
    ]);
    expect(samples).toContainEqual({
      name: 'onestorage_operation_failures_total',
      labels: { kind: 'ds/stat', reason: 'origin_failed' },
      value: 1,
    });
  });

  it('say how old backups are, as long as OpenNebula says it', async () => {
    const metrics = new Metrics('controller');
    const log = createLogger('test', 'silent');
    const found = async (name: string) =>
      samplesOf(await metrics.text()).flatMap((one) => (one.name === name ? [[one.labels, one.value]] : []));
    let asked = 0;
    const read = async () => {
      asked += 1;
      return [
        { datastoreId: 104, count: 2, newest: 900, stalest: 700 },
        { datastoreId: 105, count: 1, newest: 5, stalest: undefined },
      ];
    };
    measureBackups(metrics, read, log);
    expect(await found('onestorage_backups')).toEqual([
      [{ datastore: '104' }, 2],
      [{ datastore: '105' }, 1],
    ]);
    expect(await found('onestorage_backup_newest_timestamp_seconds')).toEqual([
      [{ datastore: '104' }, 900],
      [{ datastore: '105' }, 5],
    ]);
    expect(await found('onestorage_backup_stalest_timestamp_seconds')).toEqual([[{ datastore: '104' }, 700]]);
    // A scrape every few seconds does not ask OpenNebula every few seconds.
    expect(asked).toBe(1);

    const silent = new Metrics('controller');
    measureBackups(silent, () => Promise.reject(new Error('oned is down')), log);
    expect(samplesOf(await silent.text()).filter(({ name }) => name.startsWith('onestorage_backup'))).toEqual([]);
  });

  it('say how many wait for which slots', async () => {
    const admission = new Admission({ deploy: 1, move: 8, delete: 15, image: 15, backup: 4, per_host: {} });
    const metrics = new Metrics('controller');
    measureAdmission(metrics, admission);
    const { signal } = new AbortController();
    const enter = () => admission.enter({ class: 'deploy', hosts: [], holder: 'x' }, 60_000, signal, () => undefined);
    const release = await enter();
    const second = enter();
    const found = async (name: string, labels: Readonly<Record<string, string>>): Promise<number | undefined> =>
      samplesOf(await metrics.text()).find((sample) => sample.name === name && JSON.stringify(sample.labels) === JSON.stringify(labels))
        ?.value;
    expect(await found('onestorage_admission_actions', { class: 'deploy', state: 'running' })).toBe(1);
    expect(await found('onestorage_admission_actions', { class: 'deploy', state: 'waiting' })).toBe(1);
    expect(await found('onestorage_admission_actions', { class: 'backup', state: 'waiting' })).toBe(0);
    expect(await found('onestorage_admission_slots', { class: 'move' })).toBe(8);
    release();
    (await second)();
    expect(await found('onestorage_admission_actions', { class: 'deploy', state: 'running' })).toBe(0);
  });
});

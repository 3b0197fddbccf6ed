import { spawnSync } from 'node:child_process';
import { describe, expect, it } from 'vitest';
import { Metrics } from '../../../runtime/metrics/metrics.ts';
import { measureProcess } from '../../../runtime/metrics/process.ts';
import { type Daemon, METRICS } from '../../../runtime/metrics/table.ts';
import { samplesOf } from './exposition.ts';

// In CI a missing program is a failure.
const hasPromtool = process.env['CI'] === 'true' || spawnSync('promtool', ['--version']).status === 0;

/** Every metric of a daemon with a value. */
function filled(daemon: Daemon): Metrics {
  const metrics = new Metrics(daemon);
  measureProcess(metrics, { daemon, version: '1.2.3', notAfter: () => new Date(1_800_000_000_000) });
  metrics.observe('onestorage_operation_duration_seconds', { kind: 'disk.create', class: '', result: 'succeeded' }, 0.2);
  metrics.add('onestorage_operation_failures_total', { kind: 'disk.create', reason: 'no_space' });
  metrics.replace('onestorage_operations', [[{ state: 'running' }, 2]]);
  metrics.replace('onestorage_operations_oldest_age_seconds', [[{}, 3.5]]);
  metrics.replace('onestorage_operation_bytes_total', [[{ kind: 'receive', what: 'moved' }, 2 ** 40]]);
  metrics.replace('onestorage_operation_processes_total', [[{ kind: 'receive' }, 3]]);
  metrics.replace('onestorage_admission_actions', [[{ class: 'deploy', state: 'waiting' }, 1]]);
  metrics.replace('onestorage_admission_slots', [[{ class: 'deploy' }, 15]]);
  metrics.replace('onestorage_datastore_size_bytes', [[{ datastore: '100' }, 1000]]);
  metrics.replace('onestorage_datastore_used_bytes', [[{ datastore: '100' }, 600]]);
  metrics.replace('onestorage_datastore_free_bytes', [[{ datastore: '100' }, 400]]);
  metrics.replace('onestorage_backups', [[{ datastore: '104' }, 2]]);
  metrics.replace('onestorage_backup_newest_timestamp_seconds', [[{ datastore: '104' }, 1_795_377_754]]);
  metrics.replace('onestorage_backup_stalest_timestamp_seconds', [[{ datastore: '104' }, 1_795_000_000]]);
  metrics.replace('onestorage_audit_lost_lines_total', [[{}, 0]]);
  return metrics;
}

describe.each(['agent', 'controller'] as const)('the metrics of the %s', (daemon) => {
  it('are those of the table, each with its type and help', async () => {
    const text = await filled(daemon).text();
    const typed = [...text.matchAll(/^# TYPE (\S+) (\S+)$/gm)].map(([, name, type]) => [name, type]);
    const rows = Object.entries(METRICS).filter(([, { on }]) => on.some((known) => known === daemon));
    expect(typed).toEqual(rows.map(([name, { type }]) => [name, type]));
    for (const [name, { help }] of rows) expect(text).toContain(`# HELP ${name} ${help}\n`);
    const names = new Set(samplesOf(text).map(({ name }) => name.replace(/_(bucket|sum|count)$/, '')));
    expect([...names].sort()).toEqual(rows.map(([name]) => name).sort());
  });

  it('have the labels of the table and no others', async () => {
    for (const { name, labels } of samplesOf(await filled(daemon).text())) {
      const row = METRICS[name.replace(/_(bucket|sum|count)$/, '') as keyof typeof METRICS];
      expect(Object.keys(labels).filter((label) => label !== 'le')).toEqual([...row.labels]);
    }
  });

  it.skipIf(!hasPromtool)('pass promtool', async () => {
    const { status, stdout, stderr } = spawnSync('promtool', ['check', 'metrics'], {
      input: await filled(daemon).text(),
      encoding: 'utf8',
    });
    expect({ status, stdout, stderr }).toEqual({ status: 0, stdout: '', stderr: '' });
  });
});

describe('a metric', () => {
  it('forgets what is not there any more', async () => {
    const metrics = filled('agent');
    metrics.replace('onestorage_datastore_size_bytes', [[{ datastore: '101' }, 7]]);
    const found = samplesOf(await metrics.text()).filter(({ name }) => name === 'onestorage_datastore_size_bytes');
    expect(found).toEqual([{ name: 'onestorage_datastore_size_bytes', labels: { datastore: '101' }, value: 7 }]);
  });

  it('is read once for two that ask at the same time', async () => {
    const metrics = new Metrics('agent');
    let asked = 0;
    metrics.beforeScrape(async () => {
      asked += 1;
    });
    await Promise.all([metrics.text(), metrics.text()]);
    await metrics.text();
    expect(asked).toBe(2);
  });
});

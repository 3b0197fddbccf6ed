import type { MetricName } from '../../runtime/metrics/table.ts';

interface Query {
  readonly expr: string;
  readonly legend: string;
}
interface Panel {
  readonly title: string;
  /** Of Grafana: bytes, Bps, s, short, percentunit. */
  readonly unit: string;
  readonly type: 'timeseries' | 'stat' | 'bargauge';
  readonly queries: readonly Query[];
}

const of = (name: MetricName, labels = ''): string => `${name}{instance=~"$instance"${labels === '' ? '' : `,${labels}`}}`;
const rate = (text: string): string => `rate(${text}[$__rate_interval])`;
const duration = (part: 'bucket' | 'count'): string =>
  rate(of('onestorage_operation_duration_seconds').replace('_seconds{', `_seconds_${part}{`));

/** Two to a row, what breaks first on top. */
const PANELS: readonly Panel[] = [
  {
    title: 'Operations under way',
    unit: 'short',
    type: 'timeseries',
    queries: [
      { expr: `sum by (state) (${of('onestorage_operations')})`, legend: '{{state}}' },
      { expr: `sum by (class) (${of('onestorage_admission_actions', 'state="waiting"')})`, legend: 'wait for {{class}}' },
    ],
  },
  {
    title: 'Failures',
    unit: 'short',
    type: 'timeseries',
    queries: [
      {
        expr: `sum by (kind, reason) (increase(${of('onestorage_operation_failures_total')}[$__rate_interval]))`,
        legend: '{{kind}} {{reason}}',
      },
    ],
  },
  {
    title: 'Duration, 95 of 100 are faster',
    unit: 's',
    type: 'timeseries',
    queries: [{ expr: `histogram_quantile(0.95, sum by (le, kind) (${duration('bucket')}))`, legend: '{{kind}}' }],
  },
  {
    title: 'Operations a second',
    unit: 'ops',
    type: 'timeseries',
    queries: [{ expr: `sum by (kind, result) (${duration('count')})`, legend: '{{kind}} {{result}}' }],
  },
  {
    title: 'Bytes',
    unit: 'Bps',
    type: 'timeseries',
    queries: [{ expr: `sum by (instance, what) (${rate(of('onestorage_operation_bytes_total'))})`, legend: '{{instance}} {{what}}' }],
  },
  {
    title: 'Slots in use',
    unit: 'percentunit',
    type: 'bargauge',
    queries: [
      {
        expr: `sum by (class) (${of('onestorage_admission_actions', 'state="running"')}) / sum by (class) (${of('onestorage_admission_slots')})`,
        legend: '{{class}}',
      },
    ],
  },
  {
    title: 'Datastores: used',
    unit: 'percentunit',
    type: 'bargauge',
    queries: [
      {
        expr: `${of('onestorage_datastore_used_bytes')} / ${of('onestorage_datastore_size_bytes')}`,
        legend: '{{instance}} {{datastore}}',
      },
    ],
  },
  {
    title: 'Datastores: free',
    unit: 'bytes',
    type: 'timeseries',
    queries: [{ expr: of('onestorage_datastore_free_bytes'), legend: '{{instance}} {{datastore}}' }],
  },
  {
    title: 'Backups: age of the newest, and of the last one of the machine that waits longest',
    unit: 's',
    type: 'stat',
    queries: [
      { expr: `time() - ${of('onestorage_backup_newest_timestamp_seconds')}`, legend: '{{datastore}} newest' },
      { expr: `time() - ${of('onestorage_backup_stalest_timestamp_seconds')}`, legend: '{{datastore}} stalest' },
    ],
  },
  {
    title: 'Backups',
    unit: 'short',
    type: 'timeseries',
    queries: [{ expr: of('onestorage_backups'), legend: '{{datastore}}' }],
  },
  {
    title: 'Oldest operation',
    unit: 's',
    type: 'stat',
    queries: [{ expr: of('onestorage_operations_oldest_age_seconds'), legend: '{{instance}}' }],
  },
  {
    title: 'Certificates end in',
    unit: 's',
    type: 'stat',
    queries: [{ expr: `${of('onestorage_certificate_not_after_timestamp_seconds')} - time()`, legend: '{{instance}}' }],
  },
  {
    title: 'CPU, programs of operations not included',
    unit: 'percentunit',
    type: 'timeseries',
    queries: [{ expr: rate(of('process_cpu_seconds_total', 'job="onestorage"')), legend: '{{instance}}' }],
  },
  {
    title: 'Memory',
    unit: 'bytes',
    type: 'timeseries',
    queries: [{ expr: of('process_resident_memory_bytes', 'job="onestorage"'), legend: '{{instance}}' }],
  },
  {
    title: 'Programs started',
    unit: 'ops',
    type: 'timeseries',
    queries: [{ expr: `sum by (instance) (${rate(of('onestorage_operation_processes_total'))})`, legend: '{{instance}}' }],
  },
  {
    title: 'Open files',
    unit: 'short',
    type: 'timeseries',
    queries: [{ expr: of('process_open_fds', 'job="onestorage"'), legend: '{{instance}}' }],
  },
  {
    title: 'Versions, and since when they run',
    unit: 'dateTimeFromNow',
    type: 'stat',
    queries: [
      {
        expr: `${of('process_start_time_seconds', 'job="onestorage"')} * 1000 * on (instance) group_left (version, daemon) ${of('onestorage_build_info')}`,
        legend: '{{instance}} {{daemon}} {{version}}',
      },
    ],
  },
  {
    title: 'Lost lines of audit logs',
    unit: 'short',
    type: 'stat',
    queries: [{ expr: of('onestorage_audit_lost_lines_total'), legend: '{{instance}}' }],
  },
];

const WIDTH = 12;
const HEIGHT = 8;
const SOURCE = { type: 'prometheus', uid: '$source' };

/** The dashboard as Grafana imports it. */
export function renderDashboard(): string {
  const panels = PANELS.map(({ title, unit, type, queries }, index) => ({
    id: index + 1,
    title,
    type,
    datasource: SOURCE,
    gridPos: { h: HEIGHT, w: WIDTH, x: (index % 2) * WIDTH, y: Math.floor(index / 2) * HEIGHT },
    fieldConfig: { defaults: { unit, min: type === 'timeseries' ? 0 : undefined }, overrides: [] },
    options:
      type === 'timeseries' ? { legend: { displayMode: 'list', placement: 'bottom' }, tooltip: { mode: 'multi', sort: 'desc' } } : {},
    targets: queries.map(({ expr, legend }, at) => ({
      refId: String.fromCharCode(65 + at),
      datasource: SOURCE,
      expr,
      legendFormat: legend,
    })),
  }));
  const instances = {
    name: 'instance',
    label: 'Daemon',
    type: 'query',
    datasource: SOURCE,
    query: { query: 'label_values(onestorage_build_info, instance)', refId: 'instances' },
    includeAll: true,
    multi: true,
    allValue: '.*',
    current: { text: 'All', value: '$__all' },
    refresh: 2,
    sort: 1,
  };
  const source = { name: 'source', label: 'Source', type: 'datasource', query: 'prometheus' };
  const dashboard = {
    uid: 'onestorage',
    title: 'onestorage',
    tags: ['onestorage', 'opennebula'],
    schemaVersion: 39,
    editable: true,
    refresh: '30s',
    time: { from: 'now-6h', to: 'now' },
    templating: { list: [source, instances] },
    panels,
  };
  return `${JSON.stringify(dashboard, undefined, 2)}\n`;
}

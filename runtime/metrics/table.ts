export type Daemon = 'agent' | 'controller';

interface MetricRow {
  readonly type: 'counter' | 'gauge' | 'histogram';
  readonly help: string;
  /** Only words of the program (kinds, classes, reasons) and ids of datastores: never an operation, a machine, an image or a path. */
  readonly labels: readonly string[];
  readonly buckets?: readonly number[];
  readonly on: readonly Daemon[];
}

const BOTH = ['agent', 'controller'] as const;
/** From one small file to the copy of a big disk. */
const SECONDS = [0.01, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300, 1200, 3600, 14_400] as const;

/** Every metric of both daemons; the alert rules and the dashboard in packaging/monitoring speak of these and no others. */
export const METRICS = {
  onestorage_build_info: { type: 'gauge', help: 'Version of the daemon; the value is 1.', labels: ['version', 'daemon'], on: BOTH },
  onestorage_operation_duration_seconds: {
    type: 'histogram',
    help: 'Time from the request to the outcome. class: of the admission, empty on an agent and for reads. result: succeeded, failed, cancelled.',
    labels: ['kind', 'class', 'result'],
    buckets: SECONDS,
    on: BOTH,
  },
  onestorage_operation_failures_total: {
    type: 'counter',
    help: 'Operations that failed or were cancelled, by the reason of their error.',
    labels: ['kind', 'reason'],
    on: BOTH,
  },
  onestorage_operations: { type: 'gauge', help: 'Operations under way. state: waiting, running, undoing.', labels: ['state'], on: BOTH },
  onestorage_operations_oldest_age_seconds: { type: 'gauge', help: 'Age of the oldest operation under way.', labels: [], on: BOTH },
  onestorage_operation_bytes_total: {
    type: 'counter',
    help: 'Bytes of operations, those under way included. what: moved, skipped (holes), verified.',
    labels: ['kind', 'what'],
    on: BOTH,
  },
  onestorage_operation_processes_total: { type: 'counter', help: 'Programs started by operations.', labels: ['kind'], on: ['agent'] },
  onestorage_admission_actions: {
    type: 'gauge',
    help: 'Actions at the admission. state: waiting, running.',
    labels: ['class', 'state'],
    on: ['controller'],
  },
  onestorage_admission_slots: { type: 'gauge', help: 'Actions of a class that may run at once.', labels: ['class'], on: ['controller'] },
  onestorage_datastore_size_bytes: {
    type: 'gauge',
    help: 'Size of the file system of a datastore.',
    labels: ['datastore'],
    on: ['agent'],
  },
  onestorage_datastore_used_bytes: {
    type: 'gauge',
    help: 'Used bytes of the file system of a datastore.',
    labels: ['datastore'],
    on: ['agent'],
  },
  onestorage_datastore_free_bytes: {
    type: 'gauge',
    help: 'Bytes that may still be written to the file system of a datastore.',
    labels: ['datastore'],
    on: ['agent'],
  },
  onestorage_backups: {
    type: 'gauge',
    help: 'Backups in a datastore, as OpenNebula lists them.',
    labels: ['datastore'],
    on: ['controller'],
  },
  onestorage_backup_newest_timestamp_seconds: {
    type: 'gauge',
    help: 'Time of the newest backup in a datastore, in seconds since 1970.',
    labels: ['datastore'],
    on: ['controller'],
  },
  onestorage_backup_stalest_timestamp_seconds: {
    type: 'gauge',
    help: 'Time of the last backup of the machine whose last backup in the datastore is the oldest, in seconds since 1970.',
    labels: ['datastore'],
    on: ['controller'],
  },
  onestorage_certificate_not_after_timestamp_seconds: {
    type: 'gauge',
    help: "End of the daemon's own certificate, in seconds since 1970.",
    labels: [],
    on: BOTH,
  },
  onestorage_audit_lost_lines_total: { type: 'counter', help: 'Lines that could not be written to the audit log.', labels: [], on: BOTH },
  process_cpu_seconds_total: { type: 'counter', help: 'CPU time of the daemon, user and system.', labels: [], on: BOTH },
  process_resident_memory_bytes: { type: 'gauge', help: 'Resident memory of the daemon.', labels: [], on: BOTH },
  process_start_time_seconds: { type: 'gauge', help: 'Start of the daemon, in seconds since 1970.', labels: [], on: BOTH },
  process_open_fds: { type: 'gauge', help: 'Open files of the daemon.', labels: [], on: BOTH },
} as const satisfies Readonly<Record<string, MetricRow>>;

export type MetricName = keyof typeof METRICS;
export type NameOf<T extends MetricRow['type']> = { [N in MetricName]: (typeof METRICS)[N]['type'] extends T ? N : never }[MetricName];
export type LabelsOf<N extends MetricName> = Readonly<Record<(typeof METRICS)[N]['labels'][number], string>>;

import { formatBytes } from '../../runtime/units.ts';
import type { BackupLook, IncrementLook } from '../looks/backups.ts';
import { alarm, state as painted } from './colours.ts';
import { table } from './table.ts';

const HEAD = ['IMAGE', 'NAME', 'VM', 'DATASTORE', 'MODE', 'INCREMENTS', 'NEWEST', 'SIZE', 'STATE'];

export function backupTable(backups: readonly BackupLook[]): string {
  if (backups.length === 0) return 'OpenNebula has no such backups\n';
  return table([HEAD, ...backups.map((one) => [...factsOf(one).map(([, text]) => text), stateText(one)])]);
}

/** One backup, a line a fact, and its increments. */
export function backupText(backup: BackupLook): string {
  const lines = [...factsOf(backup), ['state', stateText(backup)] as const].map(([name, text]) => `${name.padEnd(11)}${text}\n`).join('');
  if (backup.increments.length === 0) return lines;
  return `${lines}\n${table([['INCREMENT', 'TYPE', 'DATE', 'SIZE', 'DISKS', 'BACKUP', 'STATE'], ...backup.increments.map(rowOf)])}`;
}

function factsOf({
  id,
  name,
  vmId,
  datastoreId,
  mode,
  increments,
  newestUnixMs,
  sizeBytes,
}: BackupLook): readonly (readonly [string, string])[] {
  return [
    ['image', String(id)],
    ['name', name],
    ['vm', vmId === undefined ? '-' : String(vmId)],
    ['datastore', String(datastoreId)],
    ['mode', mode],
    ['increments', String(increments.length)],
    ['newest', dateText(newestUnixMs)],
    ['size', formatBytes(sizeBytes)],
  ];
}

function rowOf({ id, full, createdUnixMs, sizeBytes, disks, backupId, present, mergedInto }: IncrementLook): readonly string[] {
  const known = present ? 'there' : alarm('MISSING');
  const state = mergedInto === undefined ? known : `merged into ${mergedInto}`;
  const type = full ? 'full' : 'increment';
  return [
    String(id),
    type,
    dateText(createdUnixMs),
    formatBytes(sizeBytes),
    disks.join(',') || '-',
    backupId,
    present === undefined ? '-' : state,
  ];
}

function stateText({ state, increments, failure }: BackupLook): string {
  if (state === 'whole') return painted('whole');
  if (state === 'unknown') return alarm(`not known: ${failure?.message ?? 'nobody could look'}`);
  const lost = increments.filter(({ present }) => present === false).map(({ id }) => id);
  return alarm(`increment ${lost.join(', ')} MISSING`);
}

function dateText(unixMs: number | undefined): string {
  return unixMs === undefined ? '-' : new Date(unixMs).toISOString().replace(/\.\d+Z$/u, 'Z');
}

import { formatBytes, formatDuration } from '../../runtime/units.ts';
import type { InspectionEvent } from '../inspection/events.ts';
import { table } from './table.ts';

const HEAD = ['HOST', 'PROBLEM', 'PATH', 'SIZE', 'AGE', 'WHAT'] as const;

/** An inspection for people: a table of what was found, then what was done, then what could not be looked at. */
export function inspectionText(datastoreId: number, events: readonly InspectionEvent[], now: number): string {
  const rows: string[][] = [];
  const lines: string[] = [];
  let looked = 0;
  for (const event of events) {
    if (event.type === 'looked') looked += 1;
    else if (event.type === 'finding') rows.push(rowOf(event, now));
    else if (event.type === 'moved') lines.push(`${event.host}: set aside ${event.path} as ${datastoreId}/${event.to}\n`);
    else if (event.type === 'kept') lines.push(`${event.host}: ${event.path} stays: ${event.message}\n`);
    else lines.push(`${event.host}: could not be looked at: ${event.message}\n`);
  }
  const clean =
    rows.length === 0 && looked > 0
      ? `datastore ${datastoreId}: nothing out of place on ${looked} ${looked === 1 ? 'host' : 'hosts'}\n`
      : '';
  return clean + (rows.length === 0 ? '' : table([[...HEAD], ...rows])) + lines.join('');
}

function rowOf(event: Extract<InspectionEvent, { readonly type: 'finding' }>, now: number): string[] {
  const { host, problem, path, allocatedBytes, modifiedUnixMs, text, movable } = event;
  const isThere = !problem.startsWith('missing_');
  const size = isThere ? formatBytes(allocatedBytes) : '-';
  const age = isThere ? formatDuration(Math.max(0, now - modifiedUnixMs)) : '-';
  return [host, problem, path, size, age, movable ? `${text} (can be set aside)` : text];
}

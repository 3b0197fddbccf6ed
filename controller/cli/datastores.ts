import type { Command } from 'commander';
import { formatBytes } from '../../runtime/units.ts';
import type { DatastoreLook, DatastorePart } from '../looks/datastores.ts';
import { alarm, state } from './colours.ts';
import { askController, field } from './controller-socket.ts';
import { type ListOptions, list, listCommand } from './look.ts';
import { table } from './table.ts';

const HELP = `
A system datastore on the hosts' own disks has a part on every host of its clusters; an image datastore is on the front-end,
or on its bridges. MARKER names the driver by which OpenNebula's probes measure a system datastore on that host.

Exit status: 0 all parts were seen; 1 one was not, or has no marker; 2 the controller or OpenNebula could not be asked.

Examples:
  onestorage datastores
  onestorage datastores --watch
  onestorage datastores --json`;

/** `onestorage datastores`. */
export function datastoresCommand(): Command {
  return listCommand('datastores', 'the datastores with a driver of onestorage, and their space on each host', HELP).action(
    ({ socket, ...options }: ListOptions) =>
      list(options, {
        read: async () => (field(await askController(socket, 'GET', '/v1/datastores'), 'datastores') ?? []) as readonly DatastoreLook[],
        draw: datastoreTable,
        isFine: (found) => found.every(isFine),
      }),
  );
}

function isFine({ type, parts }: DatastoreLook): boolean {
  return parts.every(({ space, marker }) => space !== undefined && (type !== 'system' || marker !== undefined));
}

export function datastoreTable(datastores: readonly DatastoreLook[]): string {
  if (datastores.length === 0) return 'no datastore of OpenNebula has a driver of onestorage (TM_MAD or DS_MAD agent_…)\n';
  const head = ['ID', 'NAME', 'TYPE', 'DRIVER', 'HOST', 'TOTAL', 'USED', 'FREE', 'MARKER', 'STATE'];
  const rows = datastores.flatMap(({ id, name, type, drivers, parts }) => {
    const common = [String(id), name, type, drivers.join(' ')];
    if (parts.length === 0) return [[...common, '-', '-', '-', '-', '-', alarm('no host has a part of it')]];
    return parts.map((part) => [...common, part.host, ...spaceOf(part), ...stateOf(type, part)]);
  });
  return table([head, ...rows]);
}

function spaceOf({ space }: DatastorePart): readonly string[] {
  return space === undefined ? ['-', '-', '-'] : [space.totalBytes, space.usedBytes, space.freeBytes].map(formatBytes);
}

function stateOf(type: string, { marker, space, failure }: DatastorePart): readonly [string, string] {
  if (space === undefined) {
    if (failure?.reason === 'not_found') return ['-', 'not there yet: made with the first disk, or by the controller in a while'];
    return ['-', alarm(failure?.message ?? 'it was not seen')];
  }
  if (type !== 'system') return ['-', state('ready')];
  return marker === undefined ? ['none', alarm('not measured by OpenNebula until it has a marker')] : [marker, state('ready')];
}

import type { Command } from 'commander';
import { REASONS } from '../../runtime/errors.ts';
import type { HostLook } from '../looks/hosts.ts';
import { alarm, state } from './colours.ts';
import { askController, field } from './controller-socket.ts';
import { type ListOptions, list, listCommand } from './look.ts';
import { table } from './table.ts';

const HELP = `
Each host has 5 seconds to answer; one that does not is a row that says why.

Exit status: 0 all answer; 1 one does not; 2 the controller could not be asked.

Examples:
  onestorage hosts
  onestorage hosts --watch
  onestorage hosts --json`;

const DAY = 24 * 3600 * 1000;

/** `onestorage hosts`. */
export function hostsCommand(): Command {
  return listCommand('hosts', 'the front-end and every configured host: who answers, with which version, doing how much', HELP).action(
    ({ socket, ...options }: ListOptions) =>
      list(options, {
        read: async () => (field(await askController(socket, 'GET', '/v1/hosts'), 'hosts') ?? []) as readonly HostLook[],
        draw: (hosts) => hostTable(hosts, Date.now()),
        isFine: (hosts) => hosts.every(({ agent }) => agent !== undefined),
      }),
  );
}

export function hostTable(hosts: readonly HostLook[], now: number): string {
  const head = ['HOST', 'ADDRESS', 'VERSION', 'OPERATIONS', 'CERTIFICATE', 'MACHINE ID', 'STATE'];
  const rows = hosts.map((host) => {
    const name = host.frontEnd ? `${host.name} (front-end)` : host.name;
    const { agent } = host;
    if (agent === undefined) return [name, host.address, '-', '-', '-', '-', alarm(host.failure?.message ?? 'does not answer')];
    const { version, runningOperations, certificateNotAfter, machineId, missingPrograms } = agent;
    const days = Math.floor((certificateNotAfter - now) / DAY);
    const certificate = days < 0 ? alarm('EXPIRED') : `${days} days`;
    const ready = missingPrograms.length === 0 ? state('ready') : alarm(`missing: ${missingPrograms.join(', ')}`);
    return [name, host.address, version, String(runningOperations), certificate, machineId, ready];
  });
  const reasons = [...new Set(hosts.flatMap(({ failure }) => failure?.reason ?? []))];
  const hints = reasons.map((reason) => `hint: ${(REASONS as Readonly<Record<string, { hint: string }>>)[reason]?.hint ?? ''}\n`);
  return table([head, ...rows]) + hints.join('');
}

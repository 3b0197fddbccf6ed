import type { Command } from 'commander';
import { REASONS } from '../../runtime/errors.ts';
import type { HostLook } from '../looks/hosts.ts';
import { askController, field } from './controller-socket.ts';
import { FINE, type LookOptions, look, lookCommand, print, printJson, WRONG } from './look.ts';
import { table } from './table.ts';

const HELP = `
All hosts are asked at once; one that does not answer within 5 seconds delays nobody.

Exit status: 0 all answer; 1 one does not; 2 the controller could not be asked.

Examples:
  onestorage hosts
  onestorage hosts --json`;

const DAY = 24 * 3600 * 1000;

/** `onestorage hosts`. */
export function hostsCommand(): Command {
  return lookCommand('hosts', 'the front-end and every configured host: who answers, with which version, doing how much', HELP).action(
    ({ socket, json }: LookOptions) =>
      look(async () => {
        const hosts = (field(await askController(socket, 'GET', '/v1/hosts'), 'hosts') ?? []) as readonly HostLook[];
        if (json) printJson(hosts);
        else print(hostTable(hosts, Date.now()));
        return hosts.every(({ agent }) => agent !== undefined) ? FINE : WRONG;
      }),
  );
}

export function hostTable(hosts: readonly HostLook[], now: number): string {
  const head = ['HOST', 'ADDRESS', 'VERSION', 'OPERATIONS', 'CERTIFICATE', 'MACHINE ID', 'STATE'];
  const rows = hosts.map((host) => {
    const name = host.frontEnd ? `${host.name} (front-end)` : host.name;
    const { agent } = host;
    if (agent === undefined) return [name, host.address, '-', '-', '-', '-', host.failure?.message ?? ''];
    const { version, runningOperations, certificateNotAfter, machineId, missingPrograms } = agent;
    const days = Math.floor((certificateNotAfter - now) / DAY);
    const state = missingPrograms.length === 0 ? 'ready' : `missing: ${missingPrograms.join(', ')}`;
    return [name, host.address, version, String(runningOperations), days < 0 ? 'EXPIRED' : `${days} days`, machineId, state];
  });
  const reasons = [...new Set(hosts.flatMap(({ failure }) => failure?.reason ?? []))];
  const hints = reasons.map((reason) => `hint: ${(REASONS as Readonly<Record<string, { hint: string }>>)[reason]?.hint ?? ''}\n`);
  return table([head, ...rows]) + hints.join('');
}

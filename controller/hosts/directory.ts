import { hostname } from 'node:os';
import type { ExpectedPeer } from '../../runtime/connection.ts';
import { StorageError } from '../../runtime/errors.ts';
import type { ControllerConfig } from '../config.ts';

/** Where the agent of a host is found, and whose certificate it must show. */
export interface Host {
  readonly name: string;
  readonly address: string;
  readonly expect: ExpectedPeer;
}

export interface HostDirectory {
  readonly frontEnd: Host;
  /** undefined, or a name of `front_end.names`, is the front-end. Throws unknown_host. */
  find(name: string | undefined): Host;
}

/** Host names as oned writes them → agents. Nothing is contacted. Throws bad_config. */
export function hostDirectory(config: Pick<ControllerConfig, 'front_end' | 'hosts' | 'hosts_only' | 'port'>): HostDirectory {
  const frontEndNames = new Set(
    (config.front_end.names.length > 0 ? config.front_end.names : [hostname()]).map((name) => name.toLowerCase()),
  );
  const machineId = config.front_end.machine_id;
  const frontEnd: Host = {
    name: [...frontEndNames][0] ?? 'front-end',
    address: config.front_end.address,
    expect: machineId === undefined ? {} : { machineId },
  };
  // Read each time: hosts join while the controller runs.
  const rowOf = (name: string): ControllerConfig['hosts'][string] | undefined =>
    Object.entries(config.hosts).find(([known]) => known.toLowerCase() === name.toLowerCase())?.[1];
  refuseTwins(config.hosts);
  const find = (name: string | undefined): Host => {
    if (name === undefined || frontEndNames.has(name.toLowerCase())) return frontEnd;
    const row = rowOf(name);
    if (row === undefined && config.hosts_only) {
      throw new StorageError('unknown_host', `the host ${name} is not in hosts of controller.yaml, and hosts_only is set`);
    }
    const address = row?.address ?? (name.includes(':') ? `[${name}]:${config.port}` : `${name}:${config.port}`);
    // A configured machine id says more than a name, which may stand with or without its domain.
    return { name, address, expect: row?.machine_id === undefined ? { hostName: name } : { machineId: row.machine_id } };
  };
  return { frontEnd, find };
}

/** A machine is found at one address: two addresses with its id are a mistake, or machines that were copied with their id. */
function refuseTwins(hosts: ControllerConfig['hosts']): void {
  const seen = new Map<string, { readonly name: string; readonly address: string }>();
  for (const [name, { address, machine_id: machineId }] of Object.entries(hosts)) {
    const other = machineId === undefined ? undefined : seen.get(machineId);
    if (other !== undefined && other.address !== address) {
      const both = `hosts.${other.name} (${other.address}) and hosts.${name} (${address})`;
      throw new StorageError('bad_config', `${both} have the same machine_id ${machineId}: each machine has its own`);
    }
    if (machineId !== undefined) seen.set(machineId, { name, address });
  }
}

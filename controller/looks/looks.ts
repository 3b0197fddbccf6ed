import type { ControllerConfig } from '../config.ts';
import type { AgentLooks } from '../hosts/agent-looks.ts';
import type { Overview } from '../opennebula/overview.ts';
import type { ActiveAction } from '../operations/supersede.ts';
import type { ActionServices } from '../operations/tools.ts';
import type { ActionHandler, ActionRequest } from '../server/handler.ts';
import { configuredHosts } from './ask-hosts.ts';
import { type BackupFilter, type BackupLook, lookAtBackup, lookAtBackups } from './backups.ts';
import { type DatastoreLook, lookAtDatastores } from './datastores.ts';
import { type Explanation, explain } from './explain.ts';
import { type HostLook, lookAtHosts } from './hosts.ts';
import { type Story, type StoryServices, storyOf } from './story.ts';
import { lookAtVms, type VmLook } from './vms.ts';

/** What operators are shown. Nothing of it changes anything. */
export interface Looks {
  hosts(signal: AbortSignal): Promise<readonly HostLook[]>;
  datastores(signal: AbortSignal): Promise<readonly DatastoreLook[]>;
  vms(id: number | undefined, signal: AbortSignal): Promise<readonly VmLook[]>;
  backups(filter: BackupFilter, signal: AbortSignal): Promise<readonly BackupLook[]>;
  backup(imageId: number, signal: AbortSignal): Promise<BackupLook>;
  story(operationId: string, signal: AbortSignal): Promise<Story>;
  explain(call: Omit<ActionRequest, 'key'>, signal: AbortSignal): Promise<Explanation>;
}

export interface LooksOptions {
  readonly services: Omit<ActionServices, 'config' | 'agents'> & {
    readonly config: ControllerConfig;
    readonly agents: ActionServices['agents'] & AgentLooks;
  };
  readonly overview: Overview;
  readonly handler: Pick<ActionHandler, 'get'> & { underWay(): readonly ActiveAction[] };
  readonly lines: StoryServices['lines'];
}

export function createLooks({ services, overview, handler, lines }: LooksOptions): Looks {
  const { config, hosts, agents } = services;
  return {
    hosts: (signal) => lookAtHosts({ config, hosts, agents }, signal),
    datastores: (signal) => lookAtDatastores({ overview, hosts, agents }, signal),
    vms: (id, signal) => lookAtVms(id, { overview, hosts, agents }, signal),
    backups: (filter, signal) => lookAtBackups(filter, { ...services, overview }, signal),
    backup: (imageId, signal) => lookAtBackup(imageId, services, signal),
    story: (id, signal) => storyOf(id, { get: (one) => handler.get(one), lines, hosts: configuredHosts(config, hosts), agents }, signal),
    explain: (call, signal) => explain(call, { actions: services, agents, active: () => handler.underWay() }, signal),
  };
}

import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { asStorageError } from '../runtime/errors.ts';
import { loadIdentity } from '../runtime/identity/identity.ts';
import type { Logger } from '../runtime/log.ts';
import { Operations } from '../runtime/operations/operations.ts';
import type { ControllerConfig } from './config.ts';
import { hostDirectory } from './hosts/directory.ts';
import { grpcAgents } from './hosts/grpc-agents.ts';
import type { Inspect } from './inspection/events.ts';
import { inspector } from './inspection/inspect.ts';
import { openNebula } from './opennebula/client.ts';
import { openNebulaInventory } from './opennebula/inventory.ts';
import { Actions } from './operations/actions.ts';
import { Admission } from './operations/admission.ts';
import type { ActionHandler } from './server/handler.ts';

export interface Controller {
  readonly handler: ActionHandler;
  readonly inspect: Inspect;
  /** Takes up what an earlier run left unfinished. Before the server listens: a shim that comes back finds its operation. */
  start(): void;
  /** Nothing is cancelled: agents go on, and the next start takes it up. The process must end after it. */
  stop(): void;
}

/** Puts the controller together. Throws bad_config, bad_identity or conflict (another controller). Nothing is contacted. */
export async function createController(config: ControllerConfig, log: Logger): Promise<Controller> {
  const identity = await loadIdentity(config.pki, 'controller');
  try {
    await mkdir(config.state_directory, { recursive: true, mode: 0o700 });
  } catch (thrown) {
    throw asStorageError(thrown, 'state_directory');
  }
  const { deadlines, opennebula } = config;
  const operations = new Operations({ file: join(config.state_directory, 'operations.db'), log });
  const hosts = hostDirectory(config);
  const agents = grpcAgents({ identity, statMs: deadlines.stat_seconds * 1000, monitorMs: deadlines.monitor_seconds * 1000 });
  const one = { endpoint: opennebula.endpoint, authFile: opennebula.auth_file, timeoutMs: deadlines.opennebula_seconds * 1000 };
  const handler = new Actions({
    operations,
    admission: new Admission(config.limits),
    services: { config, hosts, agents, openNebula: openNebula(one) },
  });
  const inspect = inspector({
    config,
    hosts,
    agents,
    inventory: openNebulaInventory(one),
    reattachMs: deadlines.reattach_seconds * 1000,
  });
  return { handler, inspect, start: () => operations.recover(), stop: () => operations.stop() };
}

import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import packageJson from '../package.json' with { type: 'json' };
import { AuditLog } from '../runtime/audit/log.ts';
import { auditOperations } from '../runtime/audit/operations.ts';
import { asStorageError } from '../runtime/errors.ts';
import { loadIdentity } from '../runtime/identity/identity.ts';
import type { Logger } from '../runtime/log.ts';
import { startMetrics } from '../runtime/metrics/start.ts';
import { Operations } from '../runtime/operations/operations.ts';
import { startTelemetry } from '../runtime/telemetry/start.ts';
import { adopt, planAdoption } from './adoption/adoption.ts';
import { verifyBackup } from './backups/verify.ts';
import type { ControllerConfig } from './config.ts';
import { createEnrolment, type HostAdmin } from './enrolment/start.ts';
import { EnrolmentStore, withEnrolled } from './enrolment/store.ts';
import { hostDirectory } from './hosts/directory.ts';
import { grpcAgents } from './hosts/grpc-agents.ts';
import { Marking } from './hosts/mark-datastores.ts';
import { rememberListings } from './hosts/remember-listings.ts';
import type { Inspect } from './inspection/events.ts';
import { inspector } from './inspection/inspect.ts';
import { configuredHosts } from './looks/ask-hosts.ts';
import { createLooks, type Looks } from './looks/looks.ts';
import { actionLabels, measureAdmission, measureBackups, measureRead } from './metrics.ts';
import { backupsOf } from './opennebula/backups.ts';
import { openNebula, orderOpenNebula } from './opennebula/client.ts';
import { localSystemDatastores } from './opennebula/hosted-datastores.ts';
import { openNebulaInventory } from './opennebula/inventory.ts';
import { openNebulaOverview } from './opennebula/overview.ts';
import { chainOfVm, resetChain, resetChainLater } from './opennebula/reset-chain.ts';
import { type UserOrders, userOrders } from './opennebula/user-orders.ts';
import { Actions } from './operations/actions.ts';
import { Admission } from './operations/admission.ts';
import { auditedHandler, auditedInspect, readAsTold } from './operations/audited.ts';
import type { Adopt } from './server/adoption.ts';
import type { BackupOrders } from './server/backups.ts';
import type { ActionHandler } from './server/handler.ts';

export interface Controller {
  readonly handler: ActionHandler;
  readonly inspect: Inspect;
  readonly looks: Looks;
  readonly hostAdmin: HostAdmin;
  readonly adopt: Adopt;
  readonly backups: BackupOrders;
  /** Takes up what an earlier run left unfinished. Before the server listens: a shim that comes back finds its operation. */
  start(): Promise<void>;
  /** Nothing is cancelled: agents go on, and the next start takes it up. The process must end after it. */
  stop(): void;
}

/** one.datastore.update: attributes that are not named stay. */
const APPEND = 1;

/** Puts the controller together. Throws bad_config, bad_identity or conflict (another controller). Nothing is contacted. */
export async function createController(given: ControllerConfig, log: Logger): Promise<Controller> {
  const identity = await loadIdentity(given.pki, 'controller');
  try {
    await mkdir(given.state_directory, { recursive: true, mode: 0o700 });
  } catch (thrown) {
    throw asStorageError(thrown, 'state_directory');
  }
  const store = await EnrolmentStore.open(given.state_directory);
  const config = withEnrolled(given, () => store.hosts);
  const { deadlines, opennebula } = config;
  const operations = new Operations({ file: join(config.state_directory, 'operations.db'), log, keepLines: true });
  const hosts = hostDirectory(config);
  const agents = rememberListings(
    grpcAgents({ identity, statMs: deadlines.stat_seconds * 1000, monitorMs: deadlines.monitor_seconds * 1000 }),
  );
  const one = { endpoint: opennebula.endpoint, authFile: opennebula.auth_file, timeoutMs: deadlines.opennebula_seconds * 1000 };
  const actAs = (userName: string): UserOrders => userOrders({ ...one, serverAuthFile: opennebula.server_auth_file }, userName);
  const services = { config, hosts, agents, openNebula: openNebula(one), actAs, resetChain: resetChainLater(one, log) };
  const admission = new Admission(config.limits);
  const handler = new Actions({
    operations,
    admission,
    services,
  });
  const audit = new AuditLog({ file: join(config.state_directory, 'audit.log'), log });
  audit.append({ event: 'start', version: packageJson.version });
  auditOperations(audit, operations);
  const metrics = await startMetrics({
    daemon: 'controller',
    version: packageJson.version,
    notAfter: () => agents.identity.notAfter,
    listen: config.metrics.listen,
    operations,
    labelsOf: actionLabels,
    lostLines: () => audit.lost,
    measureMore: (into) => {
      measureAdmission(into, admission);
      measureBackups(into, (signal) => backupsOf(one, signal), log);
    },
    log,
  });
  const telemetry = await startTelemetry({
    daemon: 'controller',
    version: packageJson.version,
    config: config.opentelemetry,
    operations,
    nameOf: (operation) => actionLabels(operation).kind,
    log,
  });
  const inspect = inspector({
    config,
    hosts,
    agents,
    inventory: openNebulaInventory(one),
    reattachMs: deadlines.reattach_seconds * 1000,
  });
  const overview = openNebulaOverview(one);
  const looks = createLooks({ services, overview, handler, lines: (id) => operations.lines(id) });
  const adoption = {
    overview,
    update: async (id: number, template: string, signal: AbortSignal): Promise<void> => {
      await orderOpenNebula(one, 'one.datastore.update', [id, template, APPEND], signal);
      audit.append({ event: 'adoption', datastore: id, template: template.replaceAll('\n', ' ') });
    },
  };
  const hostAdmin = createEnrolment({ config, identity, store, hosts: () => configuredHosts(config, hosts), agents, audit, log });
  const marking = new Marking({
    intervalMs: config.mark_datastores_seconds * 1000,
    datastores: (signal) => localSystemDatastores(one, signal),
    hosts,
    agents,
    log,
  });
  return {
    handler: auditedHandler(handler, audit, {
      ended: (request, seconds, reason) => {
        metrics.tell((into) => measureRead(into, request, seconds, reason));
        telemetry.tell(readAsTold(request, seconds, reason));
      },
    }),
    inspect: auditedInspect(inspect, audit),
    looks,
    hostAdmin,
    adopt: (id, { undo, apply }, signal) => (apply ? adopt : planAdoption)(adoption, id, undo, signal),
    backups: {
      verify: (what, signal) => {
        audit.append({ event: 'verify', image: what.imageId });
        return verifyBackup(what, services, signal);
      },
      chain: (vmId, signal) => chainOfVm(one, vmId, signal),
      reset: async (vmId, signal) => {
        audit.append({ event: 'reset', vm: vmId });
        await resetChain(one, vmId, signal);
      },
    },
    start: async () => {
      operations.recover();
      marking.start();
      await hostAdmin.start();
    },
    stop: () => {
      hostAdmin.stop();
      marking.stop();
      operations.stop();
      void metrics.stop();
      void telemetry.stop();
      audit.append({ event: 'stop' });
      audit.close();
    },
  };
}

import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import packageJson from '../package.json' with { type: 'json' };
import { AuditLog } from '../runtime/audit/log.ts';
import { auditOperations } from '../runtime/audit/operations.ts';
import { StorageError } from '../runtime/errors.ts';
import { loadIdentity } from '../runtime/identity/identity.ts';
import type { Logger } from '../runtime/log.ts';
import { startMetrics } from '../runtime/metrics/start.ts';
import { Operations } from '../runtime/operations/operations.ts';
import { startService } from '../runtime/service.ts';
import { startTelemetry } from '../runtime/telemetry/start.ts';
import { watchArrivals } from './backends/live/arrivals.ts';
import { releaseAll } from './backends/live/quiet.ts';
import type { AgentConfig } from './config.ts';
import type { AgentContext } from './context.ts';
import { OwnIdentity } from './enrolment/own-identity.ts';
import { measureDatastores } from './metrics.ts';
import { startMonitoring } from './monitor/start.ts';
import { bootBackup } from './operations/boot-backup.ts';
import { copyGuestDisk } from './operations/copy-guest-disk.ts';
import { copyImage } from './operations/copy-image.ts';
import { createContext } from './operations/create-context.ts';
import { createDisk } from './operations/create-disk.ts';
import { createGuestSnapshot } from './operations/create-guest-snapshot.ts';
import { createImage } from './operations/create-image.ts';
import { createSnapshot } from './operations/create-snapshot.ts';
import { deleteGuestSnapshot } from './operations/delete-guest-snapshot.ts';
import { deleteSnapshot } from './operations/delete-snapshot.ts';
import { describeImage } from './operations/describe-image.ts';
import { discardBackup } from './operations/discard-backup.ts';
import { flattenBackup } from './operations/flatten-backup.ts';
import { flattenImage } from './operations/flatten-image.ts';
import { importImage } from './operations/import-image.ts';
import { abandonMigration } from './operations/migration-abandon.ts';
import { confirmMigration } from './operations/migration-confirm.ts';
import { finishMigration } from './operations/migration-finish.ts';
import { prepareMigration } from './operations/migration-prepare.ts';
import { quarantine } from './operations/quarantine.ts';
import { receive } from './operations/receive.ts';
import { receiveGuest } from './operations/receive-guest.ts';
import { removeBackup } from './operations/remove-backup.ts';
import { removeDisk } from './operations/remove-disk.ts';
import { removeImage } from './operations/remove-image.ts';
import { resizeDisk } from './operations/resize-disk.ts';
import { revertSnapshot } from './operations/revert-snapshot.ts';
import { stageBackup } from './operations/stage-backup.ts';
import { storeBackup } from './operations/store-backup.ts';
import { swapDisks } from './operations/swap-disks.ts';
import { unlockRepository } from './operations/unlock-repository.ts';
import { verifyBackup } from './operations/verify-backup.ts';
import { RIGHTS } from './rights.ts';
import { backupsService } from './services/backups.ts';
import { disksService } from './services/disks.ts';
import { guestsService } from './services/guests.ts';
import { hostsService } from './services/hosts.ts';
import { identitiesService } from './services/identities.ts';
import { imagesService } from './services/images.ts';
import { inspectionsService } from './services/inspections.ts';
import { operationsService } from './services/operations.ts';
import { snapshotsService } from './services/snapshots.ts';
import { stagingService } from './services/staging.ts';
import { transfersService } from './services/transfers.ts';
import { startWarnings } from './start-warnings.ts';

/** How long running operations may finish when the agent stops; what is left goes on at the next start. */
const DRAIN_MS = 2000;

/** Every kind of operation, so that recovery knows what the journal speaks of. */
function registerKinds(agent: AgentContext): void {
  const { operations } = agent;
  operations.register(createDisk(agent));
  operations.register(resizeDisk(agent));
  operations.register(removeDisk(agent));
  operations.register(swapDisks(agent));
  operations.register(createContext(agent));
  operations.register(createImage(agent));
  operations.register(importImage(agent));
  operations.register(copyImage(agent));
  operations.register(removeImage(agent));
  operations.register(describeImage(agent));
  operations.register(createSnapshot(agent));
  operations.register(revertSnapshot(agent));
  operations.register(deleteSnapshot(agent));
  operations.register(flattenImage(agent));
  operations.register(createGuestSnapshot(agent));
  operations.register(deleteGuestSnapshot(agent));
  operations.register(copyGuestDisk(agent));
  operations.register(stageBackup(agent));
  operations.register(discardBackup(agent));
  operations.register(receive(agent));
  operations.register(receiveGuest(agent));
  operations.register(prepareMigration(agent));
  operations.register(confirmMigration(agent));
  operations.register(finishMigration(agent));
  operations.register(abandonMigration(agent));
  operations.register(quarantine(agent));
  operations.register(storeBackup(agent));
  operations.register(removeBackup(agent));
  operations.register(flattenBackup(agent));
  operations.register(verifyBackup(agent));
  operations.register(bootBackup(agent));
  operations.register(unlockRepository(agent));
}

/** Starts the agent: identity, journal, recovery, then the services. Throws `bad_identity`, `conflict` or `unavailable` in one line. */
export async function startAgent(config: AgentConfig, log: Logger): Promise<{ readonly port: number; stop(): Promise<void> }> {
  const own = new OwnIdentity(await loadIdentity(config.pki, 'agent'), { intervalMs: config.renewal_check_seconds * 1000, log });
  const identity = own.current;
  if (identity.machineId === undefined) throw new StorageError('bad_identity', `${config.pki}: the certificate names no machine id`);
  for (const text of await startWarnings({ datastores: config.datastores, machineId: identity.machineId })) log.warn(text);
  await mkdir(config.state_directory, { recursive: true, mode: 0o700 });
  const operations = new Operations({ file: join(config.state_directory, 'journal.db'), log });
  const [, port = ''] = /:(\d+)$/.exec(config.listen) ?? [];
  const agent: AgentContext = {
    datastores: config.datastores,
    vmFiles: config.vm_files,
    stateDirectory: config.state_directory,
    hostName: identity.hostName,
    machineId: identity.machineId,
    get identity() {
      return own.current;
    },
    address: config.advertise ?? `${identity.hostName}:${port}`,
    dataPorts: config.data_ports,
    ...(config.ssh_config === undefined ? {} : { sshConfig: config.ssh_config }),
    libvirt: { uri: config.libvirt_uri, freezeLimitMs: config.freeze_limit_seconds * 1000, swtpm: config.swtpm_directory },
    backupBasePath: config.backup_base_path,
    remotes: config.remotes,
    log,
    operations,
  };
  registerKinds(agent);
  const monitoring = await startMonitoring(config, log);
  // First of all: a guest that was held when the agent was killed goes on now, whatever becomes of the operation.
  await releaseAll(config.state_directory, log);
  const arrivals = watchArrivals(config.state_directory, log);
  const audit = new AuditLog({ file: join(config.state_directory, 'audit.log'), log });
  audit.append({ event: 'start', version: packageJson.version });
  auditOperations(audit, operations);
  const metrics = await startMetrics({
    daemon: 'agent',
    version: packageJson.version,
    notAfter: () => own.current.notAfter,
    listen: config.metrics.listen,
    operations,
    labelsOf: ({ kind }) => ({ kind, class: '' }),
    lostLines: () => audit.lost,
    measureMore: (into) => measureDatastores(into, config.datastores),
    log,
  });
  const telemetry = await startTelemetry({ daemon: 'agent', version: packageJson.version, config: config.opentelemetry, operations, log });
  operations.recover();
  const service = await startService({
    address: config.listen,
    identity,
    implementations: {
      Operations: operationsService(agent),
      Guests: guestsService(agent),
      Hosts: hostsService(agent, monitoring),
      Identities: identitiesService(agent),
      Images: imagesService(agent),
      Backups: backupsService(agent),
      Disks: disksService(agent),
      Inspections: inspectionsService(agent),
      Snapshots: snapshotsService(agent),
      Staging: stagingService(agent),
      Transfers: transfersService(agent),
    },
    rights: RIGHTS,
    audit,
    log,
  });
  own.start((fresh) => service.reload(fresh));
  log.info({ host: identity.hostName, machine: identity.machineId, port: service.port, datastores: config.datastores }, 'agent ready');
  return {
    port: service.port,
    stop: async () => {
      arrivals.stop();
      own.stop();
      await monitoring.stop();
      await metrics.stop();
      await operations.drain(DRAIN_MS);
      await service.drain(DRAIN_MS);
      service.stop();
      await telemetry.stop();
      operations.stop();
      audit.append({ event: 'stop' });
      audit.close();
    },
  };
}

import type { Logger } from '../../runtime/log.ts';
import type { AgentConfig } from '../config.ts';
import { hostActions } from '../socket/host-actions.ts';
import { startHostSocket } from '../socket/server.ts';
import { Monitor } from './monitor.ts';
import { Push } from './push.ts';

export interface Monitoring extends Pick<Monitor, 'measure'> {
  stop(): Promise<void>;
}

/** Measures, answers probes on the host's socket, and tells onemonitord when that is configured. Throws conflict: another agent is running. */
export async function startMonitoring(
  config: Pick<AgentConfig, 'datastores' | 'socket' | 'monitor' | 'monitord'>,
  log: Logger,
): Promise<Monitoring> {
  const { datastores, monitord } = config;
  const monitor = new Monitor({
    datastores,
    drivers: config.monitor.drivers,
    intervalMs: config.monitor.interval_seconds * 1000,
    statsPerSecond: config.monitor.stats_per_second,
    log,
  });
  const actions = hostActions({
    datastores,
    drivers: config.monitor.drivers,
    report: monitord.report,
    sizesIn: (id) => monitor.sizesIn(id),
  });
  const socket = await startHostSocket({ path: config.socket, actions, log });
  const push = monitord.report === 'push' ? new Push({ config: monitord, sizes: () => monitor.sizes(), log }) : undefined;
  monitor.start();
  // Not before there is something to tell.
  void monitor
    .walk()
    .catch(() => undefined)
    .finally(() => push?.start());
  return {
    measure: (id) => monitor.measure(id),
    stop: async () => {
      await Promise.all([socket.stop(), monitor.stop(), push?.stop()]);
    },
  };
}

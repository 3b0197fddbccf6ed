import { z } from 'zod';

const file = z.string().startsWith('/');

/** `monitord` of agent.yaml. */
export const monitordConfig = z.strictObject({
  /**
   * Who tells onemonitord the sizes of disks. `probe`: OpenNebula's probe, which asks the agent by monitor_ds. `push`: the agent itself, and
   * monitor_ds answers nothing, so that nothing is told twice.
   */
  report: z.enum(['probe', 'push']).default('probe'),
  /** What OpenNebula leaves on its hosts from 7.0 on; the keys below say what it does not, or say it otherwise. */
  config: file.default('/var/tmp/one_db/config'),
  conf: file.default('/var/tmp/one_db/etc/monitord.conf'),
  /** Process id of OpenNebula's own client: it knows where it was started from when MONITOR_ADDRESS is `auto`. */
  client: file.default('/var/tmp/one_db/.monitor_client.pid'),
  address: z.string().min(1).optional(),
  port: z.int().min(1).max(65535).optional(),
  /** OpenNebula's id of this host. */
  host_id: z.int().min(0).optional(),
  /** PEM file with onemonitord's public RSA key. */
  public_key: file.optional(),
  interval_seconds: z.number().min(1).max(86400).optional(),
});

export type MonitordConfig = z.infer<typeof monitordConfig>;

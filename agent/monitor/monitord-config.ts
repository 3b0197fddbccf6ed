import { z } from 'zod';

const file = z.string().startsWith('/');

/** `monitord` of agent.yaml. */
export const monitordConfig = z.strictObject({
  report: z
    .enum(['probe', 'push'])
    .default('probe')
    .describe(
      "Who tells onemonitord the sizes of disks. probe: OpenNebula's probe, which asks the agent by monitor_ds. push: the agent itself, and monitor_ds answers nothing, so that nothing is told twice.",
    ),
  config: file
    .default('/var/tmp/one_db/config')
    .describe('What OpenNebula leaves on its hosts from 7.0 on; the keys below say what it does not, or say it otherwise.'),
  conf: file.default('/var/tmp/one_db/etc/monitord.conf').describe("OpenNebula's monitord.conf on its hosts."),
  client: file
    .default('/var/tmp/one_db/.monitor_client.pid')
    .describe("Process id of OpenNebula's own client: it knows where it was started from when MONITOR_ADDRESS is auto."),
  address: z
    .string()
    .min(1)
    .optional()
    .meta({ description: 'Address of onemonitord.', examples: ['192.0.2.10'] }),
  port: z
    .int()
    .min(1)
    .max(65535)
    .optional()
    .meta({ description: 'UDP port of onemonitord.', examples: [4124] }),
  host_id: z
    .int()
    .min(0)
    .optional()
    .meta({ description: "OpenNebula's id of this host.", examples: [3] }),
  public_key: file
    .optional()
    .meta({ description: "PEM file with onemonitord's public RSA key.", examples: ['/etc/onestorage/monitord.pem'] }),
  interval_seconds: z
    .number()
    .min(1)
    .max(86400)
    .optional()
    .meta({ description: 'Pause between two reports, in seconds.', examples: [30] }),
});

export type MonitordConfig = z.infer<typeof monitordConfig>;

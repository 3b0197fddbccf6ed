import { z } from 'zod';

const DEFAULT_PORT = 2635;
const port = z.int().min(1).max(65535);

/** agent.yaml. Every key has the default of a packaged host. */
export const agentConfigSchema = z.strictObject({
  /** Directory with ca.pem, cert.pem and key.pem. Host name and machine id come from the certificate. */
  pki: z.string().startsWith('/').default('/etc/onestorage/pki'),
  /** host:port of the gRPC service. */
  listen: z
    .string()
    .regex(/^\S+:\d+$/, 'host:port')
    .default(`0.0.0.0:${DEFAULT_PORT}`),
  /** host:port where other agents reach this one; the host name of the certificate and the port of `listen` when it is not set. */
  advertise: z
    .string()
    .regex(/^\S+:\d+$/, 'host:port')
    .optional(),
  datastores: z.string().startsWith('/').default('/var/lib/one/datastores'),
  vm_files: z.string().startsWith('/').default('/var/lib/one/vms'),
  state_directory: z.string().startsWith('/').default('/var/lib/onestorage/agent'),
  /** Ports for bulk data, one a file that is being copied. */
  data_ports: z.strictObject({ first: port, last: port }).default({ first: 2700, last: 2799 }),
  log_level: z.enum(['debug', 'info', 'warn', 'error']).default('info'),
});

export type AgentConfig = z.infer<typeof agentConfigSchema>;

import { z } from 'zod';
import { metricsConfig } from '../runtime/metrics/config.ts';
import { monitordConfig } from './monitor/monitord-config.ts';

const DEFAULT_PORT = 2635;
const METRICS_PORT = 2636;
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
  data_ports: z
    .strictObject({ first: port, last: port })
    .refine(({ first, last }) => first <= last, 'first must not be greater than last: at least one port is needed')
    .default({ first: 2700, last: 2799 }),
  /** Unix socket for what OpenNebula runs on the host itself: tm/<driver>/monitor_ds. */
  socket: z.string().startsWith('/').default('/run/onestorage/agent.sock'),
  /** How the disks of this host's local system datastores are measured. */
  monitor: z
    .strictObject({
      /** Measured are the datastores whose .monitor names one of these. */
      drivers: z.array(z.string()).default(['agent_local']),
      /** Pause between two walks. */
      interval_seconds: z.number().min(1).max(86400).default(30),
      /** What a walk may take of the file system: calls that read names, sizes and headers, per second. */
      stats_per_second: z.int().min(10).max(1_000_000).default(1000),
    })
    .prefault({}),
  /** Who tells onemonitord what was measured. */
  monitord: monitordConfig.prefault({}),
  /** How virsh reaches the hypervisor of this host. */
  libvirt_uri: z
    .string()
    .regex(/^[\w+]+:\/\/\S*$/, 'an address of libvirt, as qemu:///system')
    .default('qemu:///system'),
  /** Seconds that a guest may be frozen or suspended for a snapshot; then it is let go, and the snapshot fails. */
  freeze_limit_seconds: z.number().min(1).max(600).default(60),
  /** What Prometheus may ask: GET /metrics. */
  metrics: metricsConfig(METRICS_PORT).prefault({}),
  log_level: z.enum(['debug', 'info', 'warn', 'error']).default('info'),
});

export type AgentConfig = z.infer<typeof agentConfigSchema>;

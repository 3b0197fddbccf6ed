import { z } from 'zod';
import { metricsConfig } from '../runtime/metrics/config.ts';
import { telemetryConfig } from '../runtime/telemetry/config.ts';
import { monitordConfig } from './monitor/monitord-config.ts';

const DEFAULT_PORT = 2635;
const METRICS_PORT = 2636;
const port = z.int().min(1).max(65535);
const directory = z.string().startsWith('/');
const hostPort = z.string().regex(/^\S+:\d+$/, 'host:port');

/** agent.yaml. Every key has the default of a packaged host; the descriptions are its manual page and the comments of the packaged file. */
export const agentConfigSchema = z.strictObject({
  pki: directory
    .default('/etc/onestorage/pki')
    .describe('Directory with ca.pem, cert.pem and key.pem. Host name and machine id come from the certificate.'),
  listen: hostPort.default(`0.0.0.0:${DEFAULT_PORT}`).describe('host:port of the gRPC service.'),
  advertise: hostPort.optional().meta({
    description: 'host:port where other agents reach this one. Not set: the host name of the certificate and the port of listen.',
    examples: [`host01.example.com:${DEFAULT_PORT}`],
  }),
  datastores: directory
    .default('/var/lib/one/datastores')
    .describe('Where the datastores of this host are, a directory each: DATASTORE_LOCATION of oned.conf.'),
  vm_files: directory.default('/var/lib/one/vms').describe('Where OpenNebula keeps context.sh and the files of virtual machines.'),
  state_directory: directory.default('/var/lib/onestorage/agent').describe('Where the agent keeps its journal and its audit log.'),
  data_ports: z
    .strictObject({
      first: port.describe('The first port.'),
      last: port.describe('The last port.'),
    })
    .refine(({ first, last }) => first <= last, 'first must not be greater than last: at least one port is needed')
    .default({ first: 2700, last: 2799 })
    .describe('Ports for bulk data between agents, one a file that is being copied. Other agents must reach them.'),
  socket: directory
    .default('/run/onestorage/agent.sock')
    .describe('Unix socket for what OpenNebula runs on the host itself: tm/<driver>/monitor_ds.'),
  monitor: z
    .strictObject({
      drivers: z
        .array(z.string())
        .default(['agent_local'])
        .describe('Measured are the datastores whose file .monitor names one of these drivers.'),
      interval_seconds: z.number().min(1).max(86400).default(30).describe('Pause between two walks, in seconds.'),
      stats_per_second: z
        .int()
        .min(10)
        .max(1_000_000)
        .default(1000)
        .describe('What a walk may take of the file system: calls that read names, sizes and headers, per second.'),
    })
    .prefault({})
    .describe("How the disks of this host's local system datastores are measured."),
  monitord: monitordConfig.prefault({}).describe('Who tells onemonitord what was measured.'),
  libvirt_uri: z
    .string()
    .regex(/^[\w+]+:\/\/\S*$/, 'an address of libvirt, as qemu:///system')
    .default('qemu:///system')
    .describe('How virsh reaches the hypervisor of this host.'),
  freeze_limit_seconds: z
    .number()
    .min(1)
    .max(600)
    .default(60)
    .describe('Seconds that a guest may be frozen or suspended for a snapshot; then it is let go, and the snapshot fails.'),
  backup_base_path: z
    .string()
    .startsWith('/')
    .optional()
    .meta({
      description:
        "Where backups are staged, as BACKUP_BASE_PATH of OpenNebula's datastore.conf. Not set: in the directory of the machine.",
      examples: ['/var/lib/one/backups'],
    }),
  swtpm_directory: z.string().startsWith('/').default('/var/lib/libvirt/swtpm').describe('Where libvirt keeps the state of virtual TPMs.'),
  ssh_config: z
    .string()
    .startsWith('/')
    .optional()
    .meta({
      description: "Client configuration of ssh for backup servers (keys, ports, known hosts). Not set: that of the agent's user.",
      examples: ['/etc/onestorage/ssh_config'],
    }),
  renewal_check_seconds: z
    .number()
    .min(0.1)
    .max(86_400)
    .default(3600)
    .describe(
      'Seconds between two looks whether the certificate has less than a third of its time left; then the controller is asked for a new one.',
    ),
  remotes: z
    .string()
    .startsWith('/')
    .default('/var/tmp/one')
    .describe("Where OpenNebula's programs are on this host: SCRIPTS_REMOTE_DIR of oned.conf."),
  metrics: metricsConfig(METRICS_PORT).prefault({}).describe('What Prometheus may ask, by GET /metrics; metrics: off turns it off.'),
  opentelemetry: telemetryConfig,
  log_level: z.enum(['debug', 'info', 'warn', 'error']).default('info').describe('How much goes to the journal of the system.'),
});

export type AgentConfig = z.infer<typeof agentConfigSchema>;

import { z } from 'zod';
import { metricsConfig } from '../runtime/metrics/config.ts';
import { telemetryConfig } from '../runtime/telemetry/config.ts';

const seconds = z
  .number()
  .positive()
  .max(7 * 24 * 3600);
const slots = z.int().min(1).max(1000);
const name = z.string().regex(/^[A-Za-z0-9._:-]{1,255}$/, 'not a host name');
const address = z.string().regex(/^(?:\[[0-9A-Fa-f:.]+\]|[^\s:[\]]+):[0-9]{1,5}$/, 'not host:port');
const directory = z.string().regex(/^\/[^\0\n]*$/, 'not an absolute path');
const machineId = z.string().optional();

const CLASSES = {
  deploy: 'Clones and links for machines that start.',
  move: 'Directories and disks that move between hosts.',
  delete: 'Removals.',
  image: 'Images: registration, copies, snapshots.',
  backup: 'Backups and restores.',
} as const;

/** The keys of admission's classes. */
function classes<T extends z.ZodType>(of: (name: keyof typeof CLASSES) => T): Record<keyof typeof CLASSES, T> {
  const { deploy, move, delete: remove, image, backup } = CLASSES;
  return {
    deploy: of('deploy').describe(deploy),
    move: of('move').describe(move),
    delete: of('delete').describe(remove),
    image: of('image').describe(image),
    backup: of('backup').describe(backup),
  };
}

const AT_ONCE = { deploy: 15, move: 8, delete: 15, image: 15, backup: 4 } as const;

/** controller.yaml. Every key has a default; the descriptions are its manual page and the comments of the packaged file. */
export const controllerConfig = z.strictObject({
  socket: directory
    .default('/run/onestorage/controller.sock')
    .describe('Unix socket of the controller. Whoever may open it may do everything: it is for oneadmin alone.'),
  pki: directory.default('/etc/onestorage/controller-pki').describe('Directory with ca.pem, cert.pem and key.pem of the role controller.'),
  state_directory: directory
    .default('/var/lib/onestorage/controller')
    .describe('Where the controller keeps its journal and its audit log.'),
  datastores: directory
    .default('/var/lib/one/datastores')
    .describe('DATASTORE_LOCATION as oned has it: the head of every path in its calls.'),
  vm_files: directory.default('/var/lib/one/vms').describe('Where oned keeps context.sh and the files of virtual machines.'),
  front_end: z
    .strictObject({
      names: z
        .array(name)
        .default([])
        .meta({
          description:
            'Host names that mean the front-end: what oned writes before :SOURCE (HOSTNAME of oned.conf, else its canonical name).',
          examples: [['frontend']],
        }),
      address: address.default('localhost:2635').describe('host:port of its agent.'),
      machine_id: machineId.meta({
        description: 'Content of its /etc/machine-id: an agent of another machine is then refused.',
        examples: ['0123456789abcdef0123456789abcdef'],
      }),
    })
    .prefault({})
    .describe('The front-end, where an agent runs too.'),
  hosts: z
    .record(name, z.strictObject({ address, machine_id: machineId }))
    .default({})
    .meta({
      description: 'Hosts by the name OpenNebula has for them: address (host:port) and machine_id of their agents.',
      examples: [{ host01: { address: 'host01.example.com:2635' } }],
    }),
  hosts_only: z.boolean().default(false).describe('true: only these. Otherwise a host that is not in hosts is tried at its own name.'),
  port: z.int().min(1).max(65535).default(2635).describe('Port of agents of hosts that are not in hosts.'),
  opennebula: z
    .strictObject({
      endpoint: z
        .url({ protocol: /^https?$/ })
        .default('http://localhost:2633/RPC2')
        .describe('Address of the XML-RPC of oned.'),
      auth_file: directory.default('/var/lib/one/.one/one_auth').describe('File with user:password of oneadmin.'),
      server_auth_file: directory
        .default('/var/lib/one/.one/onegate_auth')
        .describe('File with serveradmin:password, whom every OpenNebula has: with its right a restore acts for the user who asked.'),
      version: z.enum(['7', '6.10']).default('7').describe('Version of OpenNebula.'),
    })
    .prefault({})
    .describe('How the controller asks OpenNebula.'),
  limits: z
    .strictObject({
      ...classes((name) => slots.default(AT_ONCE[name])),
      per_host: z
        .strictObject(classes((name) => slots.optional().meta({ examples: [AT_ONCE[name]] })))
        .default({})
        .describe(
          'The same for each host: counted for source and target, but not for the front-end, the source of every deployment. Not set: no limit of its own.',
        ),
    })
    .prefault({})
    .describe('How many actions of a class run at once; the others wait in the order of their arrival.'),
  bandwidth: z
    .strictObject({
      deploy: z.number().min(0).default(0).describe(CLASSES.deploy),
      move: z.number().min(0).default(0).describe(CLASSES.move),
      backup: z.number().min(0).default(0).describe('What is staged of a backup.'),
    })
    .prefault({})
    .describe('MiB per second and action; 0: no limit.'),
  deadlines: z
    .strictObject({
      wait_seconds: seconds.default(3600).describe('How long an action waits for its turn.'),
      reattach_seconds: seconds.default(120).describe('How long an agent that went away is looked for.'),
      // contract 1.4
      stat_seconds: seconds.default(80).describe('How long a stat may take; oned waits 90 s for it.'),
      monitor_seconds: seconds.default(60).describe('How long the size of a datastore may take.'),
      cancel_seconds: seconds.default(120).describe('How long a cancelled operation of an agent may take to stop.'),
      opennebula_seconds: seconds.default(30).describe('How long an answer of OpenNebula may take.'),
    })
    .prefault({})
    .describe('Seconds after which something is given up.'),
  enrolment: z
    .strictObject({
      authority: directory
        .default('/etc/onestorage/authority')
        .describe(
          'Made by onestorage setup. Its key can make any certificate: mode 0600, and never on a host. Without it hosts are not enrolled here.',
        ),
      listen: address.default('0.0.0.0:2638').describe('host:port where hosts come with their tokens, and for a new certificate.'),
      advertise: address.optional().meta({
        description: 'host:port that is written into tokens, where hosts reach this machine. Not set: the first of front_end.names.',
        examples: ['frontend:2638'],
      }),
      certificate_days: z
        .number()
        .min(0.001)
        .max(3650)
        .default(90)
        .describe('How long a certificate is valid; agents renew theirs when a third of it is left.'),
      token_minutes: z.number().min(0.01).max(10_080).default(60).describe('How long a token may be used.'),
    })
    .prefault({})
    .describe('Who enrols hosts, renews their certificates and revokes them.'),
  mark_datastores_seconds: z
    .number()
    .min(0)
    .max(86_400)
    .default(600)
    .describe('How often local system datastores get their directory and marker on every host of their clusters, in seconds; 0: never.'),
  monitord: z
    .strictObject({
      conf: z
        .array(directory)
        .default(['/var/tmp/one_db/etc/monitord.conf', '/etc/one/monitord.conf'])
        .describe('Files of OpenNebula that say it; the first that is there counts.'),
      address: z
        .string()
        .min(1)
        .optional()
        .meta({ description: 'Its address, instead of what they say.', examples: ['127.0.0.1'] }),
      port: z
        .int()
        .min(1)
        .max(65535)
        .optional()
        .meta({ description: 'Its port.', examples: [4124] }),
      public_key: directory.optional().meta({ description: 'PEM file with its public RSA key.', examples: ['/etc/one/monitord.pub'] }),
    })
    .prefault({})
    .describe('Where onemonitord is told the sizes of disks in shared datastores.'),
  metrics: metricsConfig(2637).prefault({}).describe('What Prometheus may ask, by GET /metrics; metrics: off turns it off.'),
  opentelemetry: telemetryConfig,
  log_level: z
    .enum(['trace', 'debug', 'info', 'warn', 'error', 'fatal', 'silent'])
    .default('info')
    .describe('How much goes to the journal of the system.'),
});

export type ControllerConfig = z.infer<typeof controllerConfig>;

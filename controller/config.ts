import { z } from 'zod';
import { metricsConfig } from '../runtime/metrics/config.ts';

const seconds = z
  .number()
  .positive()
  .max(7 * 24 * 3600);
const slots = z.int().min(1).max(1000);
const name = z.string().regex(/^[A-Za-z0-9._:-]{1,255}$/, 'not a host name');
const address = z.string().regex(/^(?:\[[0-9A-Fa-f:.]+\]|[^\s:[\]]+):[0-9]{1,5}$/, 'not host:port');
const directory = z.string().regex(/^\/[^\0\n]*$/, 'not an absolute path');

/** How many actions of a class run at once; the rest wait in the order of their arrival. */
const classes = z.strictObject({
  deploy: slots.optional(),
  move: slots.optional(),
  delete: slots.optional(),
  image: slots.optional(),
  backup: slots.optional(),
});

/** controller.yaml. Every key has a default; see packaging for the commented file. */
export const controllerConfig = z.strictObject({
  socket: directory.default('/run/onestorage/controller.sock'),
  pki: directory.default('/etc/onestorage/pki'),
  state_directory: directory.default('/var/lib/onestorage/controller'),
  /** DATASTORE_LOCATION as oned has it: the head of every path in its calls. */
  datastores: directory.default('/var/lib/one/datastores'),
  /** Where oned keeps context.sh and the files of VMs. */
  vm_files: directory.default('/var/lib/one/vms'),
  front_end: z
    .strictObject({
      /** Host names that mean the front-end: what oned writes before `:SOURCE` (HOSTNAME of oned.conf, else its canonical name). */
      names: z.array(name).default([]),
      address: address.default('localhost:2635'),
      machine_id: z.string().optional(),
    })
    .prefault({}),
  hosts: z.record(name, z.strictObject({ address, machine_id: z.string().optional() })).default({}),
  /** A host that is not in `hosts` is tried at its own name, unless this is true. */
  hosts_only: z.boolean().default(false),
  port: z.int().min(1).max(65535).default(2635),
  opennebula: z
    .strictObject({
      endpoint: z.url({ protocol: /^https?$/ }).default('http://localhost:2633/RPC2'),
      auth_file: directory.default('/var/lib/one/.one/one_auth'),
      version: z.enum(['7', '6.10']).default('7'),
    })
    .prefault({}),
  limits: z
    .strictObject({
      deploy: slots.default(15),
      move: slots.default(8),
      delete: slots.default(15),
      image: slots.default(15),
      backup: slots.default(4),
      /** Counted for source and target; the front-end is not: it is the source of every deployment. */
      per_host: classes.default({}),
    })
    .prefault({}),
  /** MiB per second and action; 0: no limit. */
  bandwidth: z.strictObject({ deploy: z.number().min(0).default(0), move: z.number().min(0).default(0) }).prefault({}),
  deadlines: z
    .strictObject({
      /** How long an action waits for its turn. */
      wait_seconds: seconds.default(3600),
      /** How long an agent that went away is looked for. */
      reattach_seconds: seconds.default(120),
      /** A stat is waited for by oned for 90 s (contract 1.4). */
      stat_seconds: seconds.default(80),
      monitor_seconds: seconds.default(60),
      /** How long a cancelled agent operation may take to stop. */
      cancel_seconds: seconds.default(120),
      opennebula_seconds: seconds.default(30),
    })
    .prefault({}),
  /** How often local system datastores get their directory and marker on every host of their clusters; 0: never. */
  mark_datastores_seconds: z.number().min(0).max(86_400).default(600),
  /** What Prometheus may ask: GET /metrics. */
  metrics: metricsConfig(2637).prefault({}),
  log_level: z.enum(['trace', 'debug', 'info', 'warn', 'error', 'fatal', 'silent']).default('info'),
});

export type ControllerConfig = z.infer<typeof controllerConfig>;

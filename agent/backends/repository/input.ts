import { z } from 'zod';

/** What a journal may hold of a repository: everything but its secrets. */

const count = z.number().int().nonnegative();

const Restic = z.object({
  kind: z.literal('restic'),
  place: z.discriminatedUnion('at', [
    z.object({ at: z.literal('local') }),
    z.object({ at: z.literal('sftp'), host: z.string(), user: z.string(), basePath: z.string() }),
    z.object({ at: z.literal('rest'), url: z.string(), user: z.string(), caCertificate: z.string() }),
    z.object({
      at: z.literal('s3'),
      endpoint: z.string(),
      bucket: z.string(),
      prefix: z.string(),
      region: z.string(),
      accessKeyId: z.string(),
      forcePathStyle: z.boolean(),
      caCertificate: z.string(),
      insecureTls: z.boolean(),
    }),
  ]),
  compression: z.enum(['auto', 'off', 'max']),
  connections: count,
  pruneMaxRepack: z.string(),
  pruneMaxUnused: z.string(),
});

const Rsync = z.object({
  kind: z.literal('rsync'),
  host: z.string(),
  user: z.string(),
  basePath: z.string(),
  arguments: z.array(z.string()),
});

export const LimitsInput = z.object({
  bytesPerSecond: count,
  threads: count,
  cpuPercent: count,
  memoryBytes: count,
  readOperationsPerSecond: count,
  writeOperationsPerSecond: count,
  nice: z.number().int().min(-20).max(19).optional(),
  ioNice: z.number().int().min(0).max(7).optional(),
});
export type LimitsOf = z.infer<typeof LimitsInput>;

export const RepositoryInput = z.object({
  datastoreId: count,
  /** "7", or "job_12": below the base of the datastore. */
  directory: z.string(),
  store: z.discriminatedUnion('kind', [Restic, Rsync]),
  limits: LimitsInput,
  /** Absolute; for what is merged before it is stored again. */
  workDirectory: z.string(),
});

export type RepositoryOf = z.infer<typeof RepositoryInput>;
export type ResticOf = z.infer<typeof Restic>;
export type RsyncOf = z.infer<typeof Rsync>;

/** Full backup first; ids and what the repository calls them. */
export const ChainInput = z.array(z.object({ id: count, backupId: z.string() }));
export type ChainOf = z.infer<typeof ChainInput>;

/** Passwords and keys: in memory alone. Empty where the repository has none. */
export interface RepositorySecret {
  readonly password: string;
  readonly restPassword: string;
  readonly s3SecretAccessKey: string;
}

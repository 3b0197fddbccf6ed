import { z } from 'zod';
import { StorageError } from '../../runtime/errors.ts';
import { ChainInput, RepositoryInput, type RepositorySecret } from '../backends/repository/input.ts';
import type { AgentContext } from '../context.ts';
import { hasSecrets, parseAddress, withoutSecrets } from './address.ts';
import type { PathRules } from './allow.ts';
import type { S3Credentials } from './s3.ts';

/** What the journal may hold of an origin. */
export const OriginInput = z.object({
  /** As it is shown: without user, password and query. */
  path: z.string(),
  safeDirs: z.array(z.string()),
  restrictedDirs: z.array(z.string()),
  noDecompress: z.boolean(),
  bytesPerSecond: z.number().int().nonnegative(),
  /** There is a Secret to it, which the journal does not hold. */
  sealed: z.boolean(),
  /** A disk of a backup; path is then its pseudo-URL, for messages. */
  backup: z.object({ repository: RepositoryInput, chain: ChainInput, diskId: z.string() }).optional(),
});

export type OriginOf = z.infer<typeof OriginInput>;

/** What must be in no journal and no log. */
export interface Secret {
  /** The whole address. */
  readonly path: string;
  readonly s3: S3Credentials | undefined;
  readonly repository?: RepositorySecret;
}

interface WireOrigin {
  readonly path: string;
  readonly safeDirs: readonly string[];
  readonly restrictedDirs: readonly string[];
  readonly noDecompress: boolean;
  readonly bytesPerSecond: number;
  readonly s3: S3Credentials | null;
}

/** A backup as an origin, and what opens its repository. */
export interface BackupSource {
  readonly input: NonNullable<OriginOf['backup']>;
  readonly secret: RepositorySecret;
}

/**
 * Checks an origin that came over the wire and takes the secrets out of it; `backup` is what the wire says of one. Throws bad_argument,
 * unsupported.
 */
export function readOrigin(
  wire: WireOrigin | null,
  backup?: BackupSource,
): { readonly origin: OriginOf; readonly secret: Secret | undefined } {
  if (wire === null) throw new StorageError('bad_argument', 'origin is missing');
  if (backup !== undefined) return backupOrigin(wire.path, backup);
  const address = parseAddress(wire.path);
  if (address.kind === 's3' && (wire.s3 === null || wire.s3.accessKeyId === '' || wire.s3.secretAccessKey === '')) {
    throw new StorageError('bad_argument', `there are no S3 keys for ${wire.path}; set them where the image comes from`);
  }
  const sealed = address.kind === 's3' || hasSecrets(wire.path);
  const { safeDirs, restrictedDirs, noDecompress, bytesPerSecond } = wire;
  const path = withoutSecrets(wire.path);
  return {
    origin: { path, safeDirs: [...safeDirs], restrictedDirs: [...restrictedDirs], noDecompress, bytesPerSecond, sealed },
    secret: sealed ? { path: wire.path, s3: wire.s3 ?? undefined } : undefined,
  };
}

/** Without decompression: what the repository holds is what the disk gets. */
function backupOrigin(path: string, { input, secret }: BackupSource): ReturnType<typeof readOrigin> {
  const sealed = input.repository.store.kind === 'restic';
  const origin = { path, safeDirs: [], restrictedDirs: [], noDecompress: true, bytesPerSecond: 0, sealed, backup: input };
  return { origin, secret: sealed ? { path, s3: undefined, repository: secret } : undefined };
}

/** Rules for local files of this agent. Its own keys and journal are never an image. */
export function rulesOf(agent: Pick<AgentContext, 'stateDirectory' | 'identity'>, origin: OriginOf): PathRules {
  return { safe: origin.safeDirs, restricted: origin.restrictedDirs, never: [agent.stateDirectory, agent.identity.directory] };
}

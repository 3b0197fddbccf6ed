import { z } from 'zod';
import { StorageError } from '../../runtime/errors.ts';
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
});

export type OriginOf = z.infer<typeof OriginInput>;

/** What must be in no journal and no log. */
export interface Secret {
  /** The whole address. */
  readonly path: string;
  readonly s3: S3Credentials | undefined;
}

interface WireOrigin {
  readonly path: string;
  readonly safeDirs: readonly string[];
  readonly restrictedDirs: readonly string[];
  readonly noDecompress: boolean;
  readonly bytesPerSecond: number;
  readonly s3: S3Credentials | null;
}

/** Checks an origin that came over the wire and takes the secrets out of it. Throws bad_argument, unsupported. */
export function readOrigin(wire: WireOrigin | null): { readonly origin: OriginOf; readonly secret: Secret | undefined } {
  if (wire === null) throw new StorageError('bad_argument', 'origin is missing');
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

/** Rules for local files of this agent. Its own keys and journal are never an image. */
export function rulesOf(agent: Pick<AgentContext, 'stateDirectory' | 'identity'>, origin: OriginOf): PathRules {
  return { safe: origin.safeDirs, restricted: origin.restrictedDirs, never: [agent.stateDirectory, agent.identity.directory] };
}

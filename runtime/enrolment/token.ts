import { createHash, randomBytes, X509Certificate } from 'node:crypto';
import { z } from 'zod';
import { StorageError } from '../errors.ts';

/** What a host needs to join: where to, whom to trust there, as whom, and the proof that an administrator said so. */
export interface JoinToken {
  /** host:port of the controller's enrolment. */
  readonly endpoint: string;
  /** SHA-256 of the authority's certificate, hexadecimal. */
  readonly authority: string;
  readonly hostName: string;
  /** Good for one host, once. */
  readonly secret: string;
}

const Wire = z.strictObject({
  e: z.string().regex(/^\S+:\d{1,5}$/u),
  a: z.string().regex(/^[0-9a-f]{64}$/u),
  h: z.string().min(1),
  s: z.string().min(32),
});
/** The first letters say what it is, and in which form. */
const PREFIX = 'onestorage1-';

export function encodeToken({ endpoint, authority, hostName, secret }: JoinToken): string {
  const wire: z.infer<typeof Wire> = { e: endpoint, a: authority, h: hostName, s: secret };
  return PREFIX + Buffer.from(JSON.stringify(wire)).toString('base64url');
}

/** Throws bad_argument for anything that `encodeToken` did not write. */
export function decodeToken(text: string): JoinToken {
  const word = text.trim();
  try {
    if (!word.startsWith(PREFIX)) throw new Error('another form');
    const { e, a, h, s } = Wire.parse(JSON.parse(Buffer.from(word.slice(PREFIX.length), 'base64url').toString('utf8')));
    return { endpoint: e, authority: a, hostName: h, secret: s };
  } catch (thrown) {
    throw new StorageError('bad_argument', 'this is no token of onestorage host add: copy all of it, it is one word', { cause: thrown });
  }
}

export function newSecret(): string {
  return randomBytes(32).toString('base64url');
}

/** What is kept of a secret. */
export function secretDigest(secret: string): string {
  return createHash('sha256').update(secret).digest('hex');
}

export function authorityDigest(pem: string): string {
  return createHash('sha256').update(new X509Certificate(pem).raw).digest('hex');
}

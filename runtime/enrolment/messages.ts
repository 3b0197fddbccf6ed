import { z } from 'zod';
import { formatDuration } from '../units.ts';

/** What hosts and the controller's enrolment say to each other: JSON over TLS, `POST /v1/<name>`. */

const pem = z.string().max(16_384);

export const JoinRequest = z.strictObject({
  hostName: z.string().max(255),
  machineId: z.string().max(64),
  secret: z.string().max(128),
  /** PKCS#10; its key never leaves the host. */
  request: pem,
  /** Of the host, ms since the epoch. */
  clock: z.number(),
});
export type JoinRequest = z.infer<typeof JoinRequest>;

/** The caller's certificate says who it is. */
export const RenewRequest = z.strictObject({ request: pem, clock: z.number() });
export type RenewRequest = z.infer<typeof RenewRequest>;

export const Issued = z.object({
  certificate: pem,
  authority: pem,
  /** The revocation list; null: nothing was ever revoked. */
  revocations: z.string().nullable(),
  clock: z.number(),
});
export type Issued = z.infer<typeof Issued>;

export const RevocationsAnswer = z.object({ revocations: z.string().nullable(), clock: z.number() });

export const Refusal = z.object({ error: z.object({ reason: z.string(), message: z.string() }) });

/** With more, a certificate would be valid at one end and not at the other: they are made valid five minutes into the past. */
export const MAX_SKEW_MS = 5 * 60_000;
/** From here on it is worth a word. */
export const SKEW_MS = 5000;

/** `3 min behind`; undefined: near enough. */
export function skewText(theirs: number, ours: number): string | undefined {
  const skew = theirs - ours;
  if (Math.abs(skew) < SKEW_MS) return undefined;
  return `${formatDuration(Math.abs(skew))} ${skew < 0 ? 'behind' : 'ahead of'}`;
}

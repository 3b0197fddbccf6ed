import { Metadata, type StatusObject } from '@grpc/grpc-js';
import { asStorageError, GRPC_CODES, isReason, plainNetworkText, REASONS, type Reason, StorageError } from './errors.ts';

/** The metadata key under which the reason travels beside the status code, which is coarser. */
const REASON_KEY = 'onestorage-reason';

/** An error as a gRPC status: code from the table, message, reason in the metadata. The detail stays in the log of this host. */
export function toStatus(error: StorageError): StatusObject {
  const metadata = new Metadata();
  metadata.set(REASON_KEY, error.reason);
  return { code: GRPC_CODES[REASONS[error.reason].code], details: error.message, metadata };
}

/** What a status means that carries no reason: gRPC itself made it, not a handler. */
const WITHOUT_REASON: Readonly<Record<number, { readonly reason: Reason; readonly text: string }>> = {
  [GRPC_CODES.CANCELLED]: { reason: 'interrupted', text: 'ended the call' },
  [GRPC_CODES.INVALID_ARGUMENT]: { reason: 'bad_argument', text: 'refused the request' },
  [GRPC_CODES.DEADLINE_EXCEEDED]: { reason: 'timeout', text: 'did not answer in time' },
  [GRPC_CODES.NOT_FOUND]: { reason: 'not_found', text: 'does not know it' },
  [GRPC_CODES.PERMISSION_DENIED]: { reason: 'forbidden', text: 'refused the call' },
  [GRPC_CODES.RESOURCE_EXHAUSTED]: { reason: 'too_big', text: 'refused the message' },
  [GRPC_CODES.UNIMPLEMENTED]: { reason: 'too_old', text: 'runs a version without this method, and has to be upgraded' },
  [GRPC_CODES.UNAVAILABLE]: { reason: 'unreachable', text: 'does not answer' },
  [GRPC_CODES.UNAUTHENTICATED]: { reason: 'bad_identity', text: 'refused the certificate' },
};

/** A failed call as a StorageError. `host` is who was called, `host01 (10.0.0.1:2635)`. */
export function fromStatus(thrown: unknown, host: string): StorageError {
  if (thrown instanceof StorageError || !isStatus(thrown)) return asStorageError(thrown, host);
  const [reason] = thrown.metadata.get(REASON_KEY);
  if (typeof reason === 'string' && isReason(reason)) return new StorageError(reason, thrown.details, { cause: thrown });
  const row = WITHOUT_REASON[thrown.code];
  if (row === undefined) return new StorageError('internal', `${host}: ${thrown.details}`, { cause: thrown });
  return new StorageError(row.reason, `${host} ${row.text}: ${plainDetails(thrown.details)}`, { cause: thrown });
}

function isStatus(thrown: unknown): thrown is StatusObject {
  return thrown instanceof Error && typeof Reflect.get(thrown, 'code') === 'number' && Reflect.get(thrown, 'metadata') instanceof Metadata;
}

/** gRPC's connection errors without its own frame: the cause alone is of use to a person. */
export function plainDetails(details: string): string {
  const last = /Last error: (?:Error: )?(?<cause>.*?)(?: \(\d{4}-[^)]*\))?\.? *(?:Resolution note: .*)?$/u.exec(details);
  return plainNetworkText(last?.groups?.['cause'] ?? details);
}

import { createHash } from 'node:crypto';
import type { Measured } from '../operations/operations.ts';
import { traceOf } from '../trace.ts';

/** A value of an attribute as OTLP has it in JSON: 64-bit numbers are text there. */
type Value = { readonly stringValue: string } | { readonly intValue: string };
export interface Attribute {
  readonly key: string;
  readonly value: Value;
}

/** A span as OTLP has it in JSON (opentelemetry.proto.trace.v1.Span). */
export interface Span {
  readonly traceId: string;
  readonly spanId: string;
  readonly parentSpanId?: string;
  readonly name: string;
  readonly kind: number;
  readonly startTimeUnixNano: string;
  readonly endTimeUnixNano: string;
  readonly attributes: readonly Attribute[];
  readonly status: { readonly code: number; readonly message?: string };
}

/** SPAN_KIND_INTERNAL, SPAN_KIND_SERVER. */
const INTERNAL = 1;
const SERVER = 2;
/** STATUS_CODE_UNSET, STATUS_CODE_OK, STATUS_CODE_ERROR. */
const UNSET = 0;
const OK = 1;
const ERROR = 2;

/** What a span is made of beside an operation of the journal: a call that became none. */
export type Told = Pick<Measured, 'id' | 'kind' | 'subject' | 'state' | 'createdAt' | 'finishedAt' | 'figures' | 'steps' | 'reason'>;

/**
 * An operation and its steps. All ids come from that of the operation, so that every daemon knows those of the others without being told: the
 * spans of agents lie below that of the controller's operation.
 */
export function spansOf(told: Told): readonly Span[] {
  const trace = traceOf(told.id);
  const traceId = traceIdOf(trace);
  const finished = told.finishedAt ?? Date.now();
  const isRoot = told.id === trace;
  const { movedBytes, skippedBytes, verifiedBytes, processes } = told.figures;
  const whole: Span = {
    traceId,
    spanId: spanIdOf(told.id),
    ...(isRoot ? {} : { parentSpanId: spanIdOf(trace) }),
    name: told.kind,
    kind: isRoot ? SERVER : INTERNAL,
    startTimeUnixNano: nanoseconds(told.createdAt),
    endTimeUnixNano: nanoseconds(finished),
    attributes: [
      text('onestorage.operation', told.id),
      text('onestorage.subject', told.subject),
      text('onestorage.state', told.state),
      ...(told.reason === undefined ? [] : [text('error.type', told.reason)]),
      number('onestorage.moved_bytes', movedBytes),
      number('onestorage.skipped_bytes', skippedBytes),
      number('onestorage.verified_bytes', verifiedBytes),
      number('onestorage.processes', processes),
    ],
    status: told.reason === undefined ? { code: OK } : { code: ERROR, message: told.reason },
  };
  const steps = told.steps.map(({ name, startedAt, finishedAt }): Span => {
    return {
      traceId,
      spanId: spanIdOf(`${told.id} ${name}`),
      parentSpanId: whole.spanId,
      name: `${told.kind} ${name}`,
      kind: INTERNAL,
      startTimeUnixNano: nanoseconds(startedAt),
      endTimeUnixNano: nanoseconds(finishedAt ?? finished),
      attributes: [text('onestorage.operation', told.id)],
      status: { code: finishedAt === undefined ? ERROR : UNSET },
    };
  });
  return [whole, ...steps];
}

/** The key of a shim is a UUID, and that is 16 bytes; anything else becomes as many. */
export function traceIdOf(trace: string): string {
  const plain = trace.replaceAll('-', '').toLowerCase();
  return /^[0-9a-f]{32}$/.test(plain) ? plain : digest(trace, 16);
}

export function spanIdOf(id: string): string {
  return digest(id, 8);
}

function digest(words: string, bytes: number): string {
  return createHash('sha256')
    .update(words)
    .digest('hex')
    .slice(0, 2 * bytes);
}

function nanoseconds(milliseconds: number): string {
  return `${Math.round(milliseconds)}000000`;
}

export function text(key: string, value: string): Attribute {
  return { key, value: { stringValue: value } };
}

function number(key: string, value: number): Attribute {
  return { key, value: { intValue: String(value) } };
}

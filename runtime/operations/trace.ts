/**
 * What all operations of one call of a shim have in common: its Idempotency-Key, a UUID. The controller's operation has it as its id, those of
 * agents are `<key>.<step>`. Every log line of an operation carries it as `trace`, on every host.
 */
export function traceOf(operationId: string): string {
  return operationId.split('.', 1)[0] ?? operationId;
}

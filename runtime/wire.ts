import type { PackageDefinition } from '@grpc/proto-loader';
import { packageDefinition } from './proto.ts';

/** What a program understands: its methods, `Disks/Create`, and the fields of messages, `CreateDiskRequest.preallocate`. */
export type Wire = ReadonlySet<string>;

interface MessageType {
  readonly name: string;
  readonly field: readonly { readonly name: string; readonly type: string; readonly typeName: string }[];
}

/** Its fields, and the type of those that are messages. */
type Fields = ReadonlyMap<string, string | undefined>;

/** Of descriptors, as a program loads its own, or as a release left them. */
export function wireOf(definition: PackageDefinition): Wire {
  return new Set([
    ...methodsOf(definition).keys(),
    ...[...messagesOf(definition)].flatMap(([name, fields]) => [...fields.keys()].map((field) => `${name}.${field}`)),
  ]);
}

const messages = messagesOf(packageDefinition);
const methods = methodsOf(packageDefinition);
/** Of this program. */
export const OWN_WIRE = wireOf(packageDefinition);

/**
 * The first thing in a request that a program does not understand: the method, or a field that is set; undefined: it understands all of it. A field that is not set is
 * not sent: by the rule of `proto/README.md` it then has a meaning for everybody.
 */
export function firstUnknown(method: string, request: unknown, wire: Wire): string | undefined {
  if (!wire.has(method)) return method;
  const type = methods.get(method);
  return type === undefined ? undefined : unknownField(type, request, wire);
}

function unknownField(type: string, value: unknown, wire: Wire): string | undefined {
  for (const [field, fieldType] of messages.get(type) ?? []) {
    const found: unknown = Reflect.get(Object(value), field);
    if (!isSet(found)) continue;
    const word = `${type}.${field}`;
    if (!wire.has(word)) return word;
    if (fieldType === undefined) continue;
    for (const one of Array.isArray(found) ? found : [found]) {
      const inside = unknownField(fieldType, one, wire);
      if (inside !== undefined) return inside;
    }
  }
  return undefined;
}

/** Is it on the wire? proto3 does not send what has the default of its type. */
function isSet(value: unknown): boolean {
  if (value === undefined || value === null || value === '' || value === 0 || value === false) return false;
  return !(Array.isArray(value) || Buffer.isBuffer(value)) || value.length > 0;
}

function messagesOf(definition: PackageDefinition): ReadonlyMap<string, Fields> {
  const types = Object.values(definition).flatMap((entry) => (isMessage(entry) ? [entry.type as MessageType] : []));
  return new Map(
    types.map(({ name, field }) => {
      const fields = field.map((one) => [camelCase(one.name), one.type === 'TYPE_MESSAGE' ? lastWord(one.typeName) : undefined] as const);
      return [name, new Map(fields)];
    }),
  );
}

/** `Disks/Create` → `CreateDiskRequest` */
function methodsOf(definition: PackageDefinition): ReadonlyMap<string, string> {
  return new Map(
    Object.entries(definition).flatMap(([service, entry]) =>
      isMessage(entry) || 'fileDescriptorProtos' in entry
        ? []
        : Object.entries(entry).map(
            ([method, { requestType }]) => [`${lastWord(service)}/${method}`, (requestType.type as MessageType).name] as const,
          ),
    ),
  );
}

function isMessage(
  entry: PackageDefinition[string],
): entry is Extract<PackageDefinition[string], { readonly fileDescriptorProtos: readonly Buffer[] }> {
  return 'format' in entry && entry.format === 'Protocol Buffer 3 DescriptorProto';
}

/** All of it is in one package: `.onestorage.v1.Place` and `Place` are the same. */
function lastWord(name: string): string {
  return name.slice(name.lastIndexOf('.') + 1);
}

function camelCase(name: string): string {
  return name.replace(/_([a-z0-9])/gu, (_all, letter: string) => letter.toUpperCase());
}

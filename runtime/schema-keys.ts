import type { z } from 'zod';

/** Wrappers of a schema, and where each holds the schema it wraps. */
const WRAPPERS: Readonly<Record<string, string>> = {
  optional: 'innerType',
  nullable: 'innerType',
  default: 'innerType',
  prefault: 'innerType',
  readonly: 'innerType',
  catch: 'innerType',
  nonoptional: 'innerType',
  pipe: 'in',
};

/** The keys the schema knows at a path; none where it is not an object. */
export function keysAt(schema: z.ZodType, path: readonly string[]): string[] {
  let current: unknown = unwrap(schema);
  for (const part of path) current = unwrap(child(current, part));
  const shape = property(definition(current), 'shape');
  return typeof shape === 'object' && shape !== null ? Object.keys(shape) : [];
}

/** Does the top-level key take text? Then `007` in the environment is text too. */
export function isTextKey(schema: z.ZodType, key: string): boolean {
  const type = property(definition(unwrap(child(unwrap(schema), key))), 'type');
  return type === 'string' || type === 'enum';
}

function child(schema: unknown, part: string): unknown {
  const found = definition(schema);
  const shape = property(found, 'shape');
  return property(shape, part) ?? property(found, 'valueType') ?? property(found, 'element');
}

function unwrap(schema: unknown): unknown {
  const found = definition(schema);
  const type = property(found, 'type');
  const inside = typeof type === 'string' ? WRAPPERS[type] : undefined;
  return inside === undefined ? schema : unwrap(property(found, inside));
}

function definition(schema: unknown): unknown {
  return property(schema, 'def');
}

function property(holder: unknown, name: string): unknown {
  return typeof holder === 'object' && holder !== null ? Reflect.get(holder, name) : undefined;
}

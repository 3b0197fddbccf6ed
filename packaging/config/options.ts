import { z } from 'zod';

/** One key of a configuration file, as its schema describes it. */
export interface Option {
  readonly name: string;
  /** Names of the keys above it, outermost first. */
  readonly above: readonly string[];
  readonly description: string;
  /** `a number from 1 to 600`, `probe or push` */
  readonly kind: string;
  readonly default: unknown;
  /** What to show when there is no default, or an empty one. */
  readonly example: unknown;
  readonly children: readonly Option[];
}

interface Described {
  readonly type?: string;
  readonly description?: string;
  readonly default?: unknown;
  readonly examples?: readonly unknown[];
  readonly enum?: readonly unknown[];
  readonly const?: unknown;
  readonly minimum?: number;
  readonly exclusiveMinimum?: number;
  readonly maximum?: number;
  readonly anyOf?: readonly Described[];
  readonly items?: Described;
  readonly properties?: Readonly<Record<string, Described>>;
}

/** The keys of a configuration in the order of the schema. Throws when one has no description: nobody could use it. */
export function optionsOf(schema: z.ZodType): readonly Option[] {
  return children(z.toJSONSchema(schema, { io: 'input' }) as Described, []);
}

function children(described: Described, above: readonly string[]): readonly Option[] {
  return Object.entries(described.properties ?? {}).map(([name, found]) => option(name, found, above));
}

function option(name: string, found: Described, above: readonly string[]): Option {
  const path = [...above, name];
  if (found.description === undefined) throw new Error(`${path.join('.')} of the schema has no description: add .describe('…')`);
  // Of `off, or keys` the keys are what is written down.
  const object = found.anyOf?.find(({ properties }) => properties !== undefined) ?? found;
  return {
    name,
    above,
    description: found.description,
    kind: kindOf(found),
    default: found.default,
    example: found.examples?.[0],
    children: children(object, path).map((child) => withDefault(child, found.default)),
  };
}

/** A default of the whole stands for those of its keys. */
function withDefault(child: Option, whole: unknown): Option {
  const own: unknown = typeof whole === 'object' && whole !== null ? Reflect.get(whole, child.name) : undefined;
  return child.default === undefined && own !== undefined ? { ...child, default: own } : child;
}

function kindOf(found: Described): string {
  if (found.anyOf !== undefined) return found.anyOf.map(kindOf).join(', or ');
  if (found.const !== undefined) return String(found.const);
  if (found.enum !== undefined) return found.enum.map((value) => (Number.isNaN(Number(value)) ? String(value) : `"${value}"`)).join(', ');
  switch (found.type) {
    case 'integer':
      return `a whole number${rangeOf(found)}`;
    case 'number':
      return `a number${rangeOf(found)}`;
    case 'boolean':
      return 'true or false';
    case 'array':
      return 'a list';
    case 'object':
      return 'keys and values';
    default:
      return 'text';
  }
}

function rangeOf({ minimum, exclusiveMinimum, maximum }: Described): string {
  // What JSON Schema writes for "no limit".
  const upper = maximum === Number.MAX_SAFE_INTEGER ? undefined : maximum;
  const lower = minimum === undefined ? (exclusiveMinimum === undefined ? '' : ` above ${exclusiveMinimum}`) : ` from ${minimum}`;
  return `${lower}${upper === undefined ? '' : ` to ${upper}`}`;
}

import { describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { z } from 'zod';
import { CONFIGURATIONS, packagedConfig } from '../../packaging/config/files.ts';
import { type Option, optionsOf } from '../../packaging/config/options.ts';
import { renderConfig } from '../../packaging/config/render.ts';

/** What the file says when somebody takes the comment signs away: comments of words keep theirs. */
function uncommented(text: string): string {
  return text.replace(/^#(?! \S)/gm, '');
}

/** Blocks of one key each, as they stand in the file. */
function blocks(text: string): string[] {
  return text.split('\n\n').slice(1);
}

describe.each(['agent', 'controller'] as const)('the packaged %s.yaml', (daemon) => {
  const { schema } = CONFIGURATIONS[daemon];
  const text = packagedConfig(daemon);

  it('says nothing as it is: every default holds', () => {
    expect(parse(text)).toBeNull();
    expect(schema.parse({})).toBeTruthy();
  });

  it('shows every key of the schema', () => {
    expect(Object.keys(parse(uncommented(text)) as object)).toEqual(Object.keys(schema.shape));
  });

  it.each(blocks(text).map((block) => [/^#(\w+):/m.exec(block)?.[1] ?? block, block]))(
    'shows a value of %s that is taken',
    (key, block) => {
      expect(schema.safeParse(parse(uncommented(block))).error?.message, key).toBeUndefined();
    },
  );

  it('shows the default of every key that has one', () => {
    const shown: unknown = parse(uncommented(text));
    const at = (path: readonly string[]) => path.reduce((value, key) => Reflect.get(Object(value), key), shown);
    const leaves = optionsOf(schema)
      .flatMap(leavesOf)
      .filter((option) => Object.keys(Object(option.default)).length > 0);
    expect(leaves.length).toBeGreaterThan(10);
    for (const { above, name, default: value } of leaves) expect(at([...above, name]), name).toEqual(value);
  });
});

function leavesOf(option: Option): readonly Option[] {
  return option.children.length === 0 ? [option] : option.children.flatMap(leavesOf);
}

describe('a configuration that is rendered', () => {
  it('is refused when a key has no description', () => {
    const schema = z.strictObject({ depth: z.strictObject({ bare: z.string() }).describe('Keys.') });
    expect(() => renderConfig(schema, [])).toThrow('depth.bare of the schema has no description');
  });

  it('keeps the comments of nested keys when the block is uncommented', () => {
    const schema = z.strictObject({
      a: z
        .strictObject({ b: z.int().default(1).describe('How many.') })
        .prefault({})
        .describe('Keys.'),
    });
    expect(renderConfig(schema, ['Head.'])).toBe('# Head.\n\n# Keys.\n#a:\n#  # How many.\n#  b: 1\n');
  });
});

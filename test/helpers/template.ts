/** OpenNebula's template text, read as strictly as its parser does: `A = 1`, `A = "x y"`, `A = [ B = 1, C = "x" ]`. */
export interface Attribute {
  readonly name: string;
  readonly value: string | ReadonlyMap<string, string>;
}

const BLANK = '[ \\t\\r]*';
const SPACE = '[ \\t\\r\\n]*';
const NAME = '[A-Za-z_][A-Za-z0-9_-]*';
const STRING = '"(?:[^"\\\\]|\\\\.)*"|[^ \\t\\r\\n=,"\\[\\]#]+';

/** Throws what is not template text. */
export function readTemplate(text: string): readonly Attribute[] {
  const found: Attribute[] = [];
  let at = 0;
  const take = (pattern: string): string | undefined => {
    const matched = new RegExp(pattern, 'uy');
    matched.lastIndex = at;
    const [all] = matched.exec(text) ?? [];
    at += all?.length ?? 0;
    return all;
  };
  const need = (pattern: string, what: string): string => {
    const all = take(pattern);
    if (all === undefined) throw new Error(`syntax error, expected ${what} at ${JSON.stringify(text.slice(at, at + 40))}`);
    return all;
  };
  const name = (): string => {
    const word = need(NAME, 'a name');
    need(`${BLANK}=${BLANK}`, '=');
    return word;
  };
  const value = (): string =>
    need(STRING, 'a value')
      .replace(/^"(.*)"$/su, '$1')
      .replaceAll('\\"', '"');
  for (take(SPACE); at < text.length; take(SPACE)) {
    const attribute = name();
    if (take(`\\[${SPACE}`) === undefined) {
      found.push({ name: attribute, value: value() });
      continue;
    }
    const vector = new Map<string, string>();
    do vector.set(name().toUpperCase(), value());
    while (take(`${SPACE},${SPACE}`) !== undefined);
    need(`${SPACE}\\]`, ']');
    found.push({ name: attribute, value: vector });
  }
  return found;
}

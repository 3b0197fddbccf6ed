import { StorageError } from '../../runtime/errors.ts';

/** A value of a template, by its place in the text: an edit changes that place and leaves everything around it as it is. */
export interface Value {
  readonly text: string;
  /** Of the text, without quotes. */
  readonly start: number;
  readonly end: number;
}

/** `NAME = VALUE` or `NAME = [ KEY = VALUE, … ]`. Names and keys in upper case, as oned compares them. */
export interface Statement {
  readonly name: string;
  /** From 1, for messages. */
  readonly line: number;
  /** undefined: it has keys. */
  readonly value: Value | undefined;
  readonly keys: ReadonlyMap<string, Value>;
}

const SPACE = /(?:[ \t\n]|#[^\n]*(?:\n|$))+/y;
const NAME = /[A-Za-z0-9_]+/y;
const EQUAL = /=[ \t]*/y;
const QUOTED = /"((?:[^"\\]|\\[\s\S])*)"/y;
const BARE = /[^=#\s,[\]"]+/y;

/**
 * Reads a file in OpenNebula's template syntax, as oned.conf is (src/parsers/template_parser.l: comments to the end of the line, values quoted,
 * over several lines too, or bare). Throws bad_config with file and line for anything else: what is not understood is not edited.
 */
export function readTemplate(text: string, file: string): readonly Statement[] {
  const reader = new Reader(text, file);
  const statements: Statement[] = [];
  for (reader.skip(); !reader.atEnd; reader.skip()) statements.push(reader.statement());
  return statements;
}

class Reader {
  readonly #text: string;
  readonly #file: string;
  #at = 0;

  constructor(text: string, file: string) {
    this.#text = text;
    this.#file = file;
  }

  get atEnd(): boolean {
    return this.#at >= this.#text.length;
  }

  skip(): void {
    this.#take(SPACE);
  }

  statement(): Statement {
    const line = this.#line();
    const name = this.#name();
    // `NAME =` and nothing more on the line is an empty value.
    const head = { name, line };
    if (this.#text[this.#at] === '\n' || this.atEnd)
      return { ...head, value: { text: '', start: this.#at, end: this.#at }, keys: new Map() };
    if (this.#text[this.#at] !== '[') return { ...head, value: this.#value(), keys: new Map() };
    this.#at += 1;
    return { ...head, value: undefined, keys: this.#keys() };
  }

  #keys(): ReadonlyMap<string, Value> {
    const keys = new Map<string, Value>();
    for (this.skip(); this.#text[this.#at] !== ']'; this.skip()) {
      if (keys.size > 0) this.#expect(',');
      this.skip();
      const key = this.#name();
      const value = this.#value();
      // The first of two counts for oned.
      if (!keys.has(key)) keys.set(key, value);
    }
    this.#at += 1;
    return keys;
  }

  #name(): string {
    const [name] = this.#take(NAME) ?? this.#refuse('a name');
    this.skip();
    this.#take(EQUAL) ?? this.#refuse(`'=' after ${name}`);
    return name.toUpperCase();
  }

  #value(): Value {
    const quoted = this.#take(QUOTED);
    if (quoted !== undefined) return { text: quoted[1] ?? '', start: this.#at - quoted[0].length + 1, end: this.#at - 1 };
    const [text] = this.#take(BARE) ?? this.#refuse('a value');
    return { text, start: this.#at - text.length, end: this.#at };
  }

  #expect(mark: string): void {
    if (this.#text[this.#at] !== mark) this.#refuse(`'${mark}'`);
    this.#at += 1;
  }

  #take(pattern: RegExp): RegExpExecArray | undefined {
    pattern.lastIndex = this.#at;
    const found = pattern.exec(this.#text) ?? undefined;
    if (found !== undefined) this.#at = pattern.lastIndex;
    return found;
  }

  #line(): number {
    return this.#text.slice(0, this.#at).split('\n').length;
  }

  #refuse(wanted: string): never {
    const found = this.atEnd ? 'the end of the file' : `'${this.#text.slice(this.#at, this.#at + 20).split('\n')[0] ?? ''}'`;
    throw new StorageError('bad_config', `${this.#file}:${this.#line()}: expected ${wanted}, found ${found}; nothing was changed`);
  }
}

import { StorageError } from '../../runtime/errors.ts';

/** An element. Text is verbatim: not trimmed, no numbers, no line-end changes; of an element with children it is what stands between them. */
export interface XmlElement {
  readonly name: string;
  readonly text: string;
  readonly children: readonly XmlElement[];
}

interface Open {
  readonly name: string;
  readonly text: string[];
  readonly children: XmlElement[];
}

export const MAX_XML_CHARACTERS = 16 * 1024 * 1024;
const MAX_DEPTH = 100;
const ENTITIES: ReadonlyMap<string, string> = new Map([
  ['lt', '<'],
  ['gt', '>'],
  ['amp', '&'],
  ['quot', '"'],
  ['apos', "'"],
]);
const NAME = /[A-Za-z_:\u0080-\uffff][A-Za-z0-9_:.\-\u0080-\uffff]*/y;
const SPACE = /[ \t\r\n]*/y;
const ATTRIBUTE = /[ \t\r\n]+[A-Za-z_:\u0080-\uffff][A-Za-z0-9_:.\-\u0080-\uffff]*[ \t\r\n]*=[ \t\r\n]*(?:"[^"<]*"|'[^'<]*')/y;
const DECLARATION = /<\?xml[ \t\r\n][^?<>]*\?>/y;

/**
 * Reads a document by a list of what may be there: elements, attributes (not kept), text, CDATA, the five entities, character references.
 * DTDs, processing instructions, comments and other entities are refused: oned writes none. Time is linear in the length. Throws
 * bad_document in one line that begins with `what`.
 */
export function readXml(text: string, what: string): XmlElement {
  if (text.length > MAX_XML_CHARACTERS) throw new StorageError('bad_document', `${what} is larger than 16 MiB`);
  return new Reader(text, what).read();
}

class Reader {
  readonly #text: string;
  readonly #what: string;
  #at = 0;

  constructor(text: string, what: string) {
    this.#text = text;
    this.#what = what;
  }

  read(): XmlElement {
    if (this.#text.startsWith('\ufeff')) this.#at = 1;
    this.#match(DECLARATION);
    this.#match(SPACE);
    if (this.#text[this.#at] !== '<') this.#fail('has no root element');
    const root = this.#tree();
    this.#match(SPACE);
    if (this.#at < this.#text.length) this.#fail('goes on after its root element');
    return root;
  }

  /** One element with all below it; without recursion, so depth costs no stack. */
  #tree(): XmlElement {
    const open: Open[] = [];
    for (;;) {
      const closed = this.#markup(open);
      if (closed !== undefined) {
        const parent = open.at(-1);
        if (parent === undefined) return closed;
        parent.children.push(closed);
      }
      const current = open.at(-1);
      if (current === undefined) this.#fail('has no root element');
      const next = this.#text.indexOf('<', this.#at);
      if (next < 0) this.#fail(`ends inside <${current.name}>`);
      if (next > this.#at) current.text.push(this.#decode(this.#text.slice(this.#at, next)));
      this.#at = next;
    }
  }

  /** What begins with `<` here. Gives the element that ends with it. */
  #markup(open: Open[]): XmlElement | undefined {
    if (this.#text.startsWith('<![CDATA[', this.#at)) {
      const current = open.at(-1);
      const end = this.#text.indexOf(']]>', this.#at + 9);
      if (current === undefined || end < 0) this.#fail('has a CDATA section that does not end or stands outside');
      current.text.push(this.#text.slice(this.#at + 9, end));
      this.#at = end + 3;
      return undefined;
    }
    if (this.#text.startsWith('</', this.#at)) return this.#close(open);
    if (this.#text.startsWith('<!', this.#at) || this.#text.startsWith('<?', this.#at)) {
      this.#fail('holds a DTD, a comment or a processing instruction, which OpenNebula never sends');
    }
    return this.#open(open);
  }

  #open(open: Open[]): XmlElement | undefined {
    this.#at += 1;
    const name = this.#match(NAME);
    if (name === '') this.#fail("has a '<' that begins no element");
    if (open.length >= MAX_DEPTH) this.#fail(`is nested deeper than ${MAX_DEPTH} elements`);
    while (this.#match(ATTRIBUTE) !== '');
    this.#match(SPACE);
    if (this.#text.startsWith('/>', this.#at)) {
      this.#at += 2;
      return { name, text: '', children: [] };
    }
    if (this.#text[this.#at] !== '>') this.#fail(`has a malformed start of <${name}>`);
    this.#at += 1;
    open.push({ name, text: [], children: [] });
    return undefined;
  }

  #close(open: Open[]): XmlElement {
    this.#at += 2;
    const name = this.#match(NAME);
    this.#match(SPACE);
    const current = open.pop();
    if (current === undefined || current.name !== name || this.#text[this.#at] !== '>') {
      this.#fail(current === undefined ? `ends </${name}>, which never began` : `ends <${current.name}> wrongly`);
    }
    this.#at += 1;
    return { name: current.name, text: current.text.join(''), children: current.children };
  }

  #decode(text: string): string {
    if (text.includes(']]>')) this.#fail("has ']]>' in its text");
    if (!text.includes('&')) return text;
    return text.replace(/&([^;&]{0,12};)?/g, (_, body: string | undefined) => {
      if (body === undefined) this.#fail("has a '&' that begins no entity");
      return this.#entity(body.slice(0, -1));
    });
  }

  #entity(body: string): string {
    const known = ENTITIES.get(body);
    if (known !== undefined) return known;
    const digits = /^#(?:x([0-9A-Fa-f]{1,6})|([0-9]{1,7}))$/.exec(body);
    if (digits === null) this.#fail('holds an entity that is not one of XML itself');
    const code = digits[1] === undefined ? Number(digits[2]) : Number.parseInt(digits[1], 16);
    const character = code === 9 || code === 10 || code === 13 || (code >= 0x20 && code <= 0x10ffff);
    if (!character || (code >= 0xd800 && code <= 0xdfff) || code === 0xfffe || code === 0xffff)
      this.#fail('refers to a character that XML does not have');
    return String.fromCodePoint(code);
  }

  #match(pattern: RegExp): string {
    pattern.lastIndex = this.#at;
    const found = pattern.exec(this.#text)?.[0] ?? '';
    this.#at += found.length;
    return found;
  }

  #fail(problem: string): never {
    throw new StorageError('bad_document', `${this.#what} is not well-formed XML: it ${problem} (character ${this.#at})`);
  }
}

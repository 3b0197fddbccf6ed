import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import fc from 'fast-check';
import { XMLParser } from 'fast-xml-parser';
import { describe, expect, it } from 'vitest';
import { MAX_XML_CHARACTERS, readXml, type XmlElement } from '../../../controller/opennebula/xml.ts';
import { StorageError } from '../../../runtime/errors.ts';

const fixtures = join(import.meta.dirname, '../../fixtures/oned/xml');

function problem(text: string): string {
  try {
    readXml(text, 'it');
  } catch (thrown) {
    if (!(thrown instanceof StorageError)) throw thrown;
    expect(thrown.reason).toBe('bad_document');
    expect(thrown.message).not.toContain('\n');
    return thrown.message;
  }
  return 'accepted';
}

/** The counterpart's tree, in our words. It keeps CDATA as a node of its own, and children in order. */
function counterpart(text: string): XmlElement {
  const parser = new XMLParser({
    preserveOrder: true,
    ignoreAttributes: true,
    parseTagValue: false,
    trimValues: false,
    cdataPropName: '#cdata',
    ignoreDeclaration: true,
  });
  const convert = (node: Record<string, unknown>): XmlElement => {
    const name = Object.keys(node).find((key) => key !== ':@')!;
    const inner = node[name] as Record<string, unknown>[];
    const texts = inner.map((one) => {
      if ('#text' in one) return String(one['#text']);
      return '#cdata' in one ? String((one['#cdata'] as { '#text': unknown }[])[0]?.['#text'] ?? '') : '';
    });
    return { name, text: texts.join(''), children: inner.filter((one) => !('#text' in one) && !('#cdata' in one)).map(convert) };
  };
  return convert((parser.parse(text) as Record<string, unknown>[])[0]!);
}

/** White space between elements says nothing, and the two keep different amounts of it. */
function trimmed(element: XmlElement): XmlElement {
  return { name: element.name, text: element.text.trim(), children: element.children.map(trimmed) };
}

const name = fc.stringMatching(/^[A-Z_][A-Z0-9_]{0,8}$/);
const text = fc.string({ unit: fc.constantFrom('a', '0', ' ', '/', '&lt;', '&amp;', '&gt;', '&quot;', 'ü', '-', ':', '='), maxLength: 20 });
const cdata = fc
  .string({ unit: fc.constantFrom('a', '<', '>', '&', ']', '"', ' ', 'x'), maxLength: 20 })
  .filter((one) => !one.includes(']]>') && !one.endsWith(']'));
const { document } = fc.letrec<{ document: string; content: string }>((tie) => ({
  content: fc.oneof(
    { depthSize: 'small' },
    text,
    cdata.map((one) => `<![CDATA[${one}]]>`),
    fc.array(tie('document'), { maxLength: 4 }).map((all) => all.join('')),
  ),
  document: fc.tuple(name, tie('content')).map(([tag, content]) => (content === '' ? `<${tag}/>` : `<${tag}>${content}</${tag}>`)),
}));

describe('readXml', () => {
  it('reads what its counterpart reads, for any good document', () => {
    fc.assert(
      fc.property(document, (one) => {
        expect(trimmed(readXml(one, 'it'))).toEqual(trimmed(counterpart(one)));
      }),
      { numRuns: 500 },
    );
  });

  it('reads what oned sent', async () => {
    for (const file of (await readdir(fixtures)).filter((one) => one.endsWith('.xml'))) {
      const one = await readFile(join(fixtures, file), 'utf8');
      expect(trimmed(readXml(one, file))).toEqual(trimmed(counterpart(one)));
    }
  });

  it('keeps text verbatim', () => {
    expect(readXml('<A> 007 &#x41;&#10;<![CDATA[<b>&amp;]]]]><![CDATA[>]]> </A>', 'it').text).toBe(' 007 A\n<b>&amp;]]> ');
    expect(readXml('<?xml version="1.0"?>\n<A b="c" d = \'<\'.\'/>'.replace("'<'.'", "'e'"), 'it')).toEqual({
      name: 'A',
      text: '',
      children: [],
    });
  });

  it('is not fooled by names of object properties', () => {
    const root = readXml('<A><__proto__>x</__proto__><constructor/></A>', 'it');
    expect(root.children.map((one) => one.name)).toEqual(['__proto__', 'constructor']);
    expect(({} as Record<string, unknown>)['x']).toBeUndefined();
  });

  it.each([
    ['', 'no root element'],
    ['text', 'no root element'],
    ['<A>', 'ends inside <A>'],
    ['<A></B>', 'ends <A> wrongly'],
    ['</A>', 'never began'],
    ['<A/><B/>', 'goes on after its root'],
    ['<A/>text', 'goes on after its root'],
    ['<A b=c/>', 'malformed start'],
    ['<A', 'malformed start'],
    ['<A>&bogus;</A>', 'entity'],
    ['<A>& </A>', 'begins no entity'],
    ['<A>&#0;</A>', 'character that XML does not have'],
    ['<A>&#xD800;</A>', 'character that XML does not have'],
    ['<A>&#x110000;</A>', 'character that XML does not have'],
    ['<A>]]></A>', "']]>'"],
    ['<A><![CDATA[x</A>', 'CDATA'],
    ['<!DOCTYPE A [<!ENTITY x SYSTEM "file:///etc/passwd">]><A>&x;</A>', 'DTD'],
    ['<!DOCTYPE A><A/>', 'DTD'],
    ['<A><?php x?></A>', 'processing instruction'],
    ['<A><!-- x --></A>', 'comment'],
    ['<A>< B/></A>', 'begins no element'],
  ])('refuses %j', (one, expected) => expect(problem(one)).toContain(expected));

  it('refuses depth and size without paying for them', () => {
    expect(problem('<A>'.repeat(101))).toContain('deeper than 100');
    expect(problem(`${'<A>'.repeat(100)}${'</A>'.repeat(100)}`)).toBe('accepted');
    expect(problem(`<A>${'x'.repeat(100 * 1024 * 1024)}</A>`)).toContain('larger than 16 MiB');
    expect(problem(`<A>${'&'.repeat(1000)}`)).not.toBe('accepted');
    expect(readXml(`<A>${'<B/>'.repeat(1_000_000)}</A>`, 'it').children).toHaveLength(1_000_000);
    expect(MAX_XML_CHARACTERS).toBe(16 * 1024 * 1024);
  });

  it('never throws anything but bad_document', () => {
    const pieces = fc.constantFrom(
      '<',
      '>',
      '/',
      'A',
      '&',
      ';',
      '#',
      'x',
      '"',
      "'",
      '=',
      ' ',
      '<![CDATA[',
      ']]>',
      '<?xml ',
      '?>',
      '<!',
      '\0',
      '\ud800',
    );
    fc.assert(
      fc.property(fc.array(pieces, { maxLength: 30 }), (all) => void problem(all.join(''))),
      { numRuns: 2000 },
    );
  });
});

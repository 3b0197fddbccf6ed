import { readdirSync, readFileSync } from 'node:fs';
import { XMLParser, XMLValidator } from 'fast-xml-parser';
import { actionData, decodeBase64 } from '../../controller/opennebula/action-data.ts';
import { vmDocument } from '../../controller/opennebula/vm-document.ts';
import { readXml, type XmlElement } from '../../controller/opennebula/xml.ts';
import { StorageError } from '../../runtime/errors.ts';
import type { Recording } from '../fixtures/oned/recording.ts';
import { type Family, mangle, type Random } from './fuzzer.ts';

const FIXTURES = new URL('../fixtures/oned/', import.meta.url);
/** Larger ones say nothing more, and cost time. */
const LONGEST = 3_000;

function recordedDocuments(): string[] {
  const { calls } = JSON.parse(readFileSync(new URL('replay.json', FIXTURES), 'utf8')) as Recording;
  const files = readdirSync(new URL('xml/', FIXTURES)).map((name) => readFileSync(new URL(`xml/${name}`, FIXTURES), 'utf8').trim());
  const all = new Set([...files, ...calls.map((call) => call.document)]);
  const short = [...all].filter((text) => text !== '' && text.length <= LONGEST);
  // The heads of the large ones: a VM with its first disks.
  const parts = files.flatMap((text) =>
    [...text.matchAll(/<(DISK|HISTORY|SNAPSHOTS)>.*?<\/\1>/gs)].map(
      ([part]) => `<VM><ID>1</ID><STATE>8</STATE><LCM_STATE>0</LCM_STATE><TEMPLATE>${part}</TEMPLATE></VM>`,
    ),
  );
  return [...short, ...parts.slice(0, 20)];
}

const DOCUMENTS = recordedDocuments();
const HOSTILE = [
  '&',
  '&amp;',
  '&lt;',
  '&bogus;',
  '&#65;',
  '&#x0;',
  '&amp;lt;',
  '<',
  '>',
  ']]>',
  '<![CDATA[',
  '<![CDATA[]]>',
  '<!-- -->',
  '<?x ?>',
  '</',
  '/>',
  '<A>',
  '</A>',
  '<A/>',
  '<!DOCTYPE a [<!ENTITY b "c">]>',
  '"',
  "'",
  ' a="b"',
  ' a=b',
  'ü',
  '\ud800',
  '-1',
  '99999999999999999999',
  'NaN',
  '1.5',
  '',
  ' ',
  '\n',
];

/** Whole elements: lost, doubled, moved, nested, emptied, with text of another type. */
function editElements(text: string, random: Random): string {
  const elements = [...text.matchAll(/<([A-Z_0-9]+)>([^<]*(?:<!\[CDATA\[[^\]]*\]\]>)?)<\/\1>/g)];
  if (elements.length === 0) return text;
  const [whole, name = '', inner = ''] = random.pick(elements);
  const replacement = [
    () => '',
    () => whole + whole,
    () => `<${name}/>`,
    () => `<${name}>${random.pick(HOSTILE)}</${name}>`,
    () => `<${name}>${'<D>'.repeat(random.below(120))}x${'</D>'.repeat(random.below(120))}</${name}>`,
    () => `<${name}>${whole}</${name}>`,
    () => `<${name.toLowerCase()}>${inner}</${name.toLowerCase()}>`,
    () => `<${random.pick(['__proto__', 'constructor', 'ID', 'SIZE', 'IMAGE'])}>${inner}</${name}>`,
    () => `<${name}>${inner}${'9'.repeat(random.below(400))}</${name}>`,
  ];
  return text.replace(whole, () => random.pick(replacement)());
}

function makeDocument(random: Random): string {
  let text = random.pick(DOCUMENTS);
  for (let edits = random.below(4); edits > 0; edits -= 1) {
    text = random.chance(0.6) ? editElements(text, random) : mangle(text, random, HOSTILE);
  }
  const made = random.chance(0.02) ? `${'<A>'.repeat(random.below(300))}${text}` : text;
  // It comes in as UTF-8, which has no half of a pair.
  return made.toWellFormed();
}

const options = { ignoreAttributes: true, parseTagValue: false, trimValues: false, ignoreDeclaration: true } as const;
const parser = new XMLParser({ ...options, preserveOrder: true, cdataPropName: '#cdata', processEntities: true, htmlEntities: true });

type Node = Readonly<Record<string, unknown>>;

/** Another parser's reading, in our words. Text that holds markup between it is what the two keep differently: it is compared without space. */
function counterpart(text: string): unknown {
  const convert = (node: Node): unknown => {
    const name = Object.keys(node).find((key) => key !== ':@') ?? '';
    const inner = node[name] as readonly Node[];
    const own = inner.map((one) => ('#cdata' in one ? String((one['#cdata'] as Node[])[0]?.['#text'] ?? '') : String(one['#text'] ?? '')));
    const children = inner.filter((one) => !('#text' in one) && !('#cdata' in one)).map(convert);
    return [name, squeezed(own.join('')), children];
  };
  const roots = (parser.parse(text) as readonly Node[]).filter((node) => !('#text' in node));
  return roots.length === 1 && roots[0] !== undefined ? convert(roots[0]) : ['not one root'];
}

function squeezed(text: string): string {
  return text.replace(/\s+/g, '');
}

function ours(element: XmlElement): unknown {
  return [element.name, squeezed(element.text), element.children.map(ours)];
}

/** The tree, and what becomes of it: the records of actions. */
export const documents: Family<string> = {
  name: 'documents',
  inputs: 25_000,
  refusal: 'bad_document',
  takenAtLeast: 3_000,
  make: makeDocument,
  take(text) {
    const tree = readXml(text, 'the document');
    for (const read of [() => actionData(text), () => vmDocument(tree)]) {
      try {
        read();
      } catch (thrown) {
        if (!(thrown instanceof StorageError) || thrown.reason !== 'bad_document') throw thrown;
      }
    }
    return tree;
  },
  wrong(text, taken) {
    const valid = XMLValidator.validate(text);
    if (valid !== true) return `is not well-formed: ${valid.err.msg}`;
    const [mine, other] = [JSON.stringify(ours(taken as XmlElement)), JSON.stringify(counterpart(text))];
    if (mine === other) return undefined;
    const at = [...mine].findIndex((letter, index) => letter !== other[index]);
    return `was read differently: ${mine.slice(Math.max(0, at - 40), at + 40)} and ${other.slice(Math.max(0, at - 40), at + 40)}`;
  },
};

/** Standard input of a datastore action. */
export const base64: Family<string> = {
  name: 'base64',
  inputs: 20_000,
  refusal: 'bad_document',
  takenAtLeast: 4_000,
  make(random) {
    const text = random.pick(DOCUMENTS).slice(0, random.below(200));
    const line = Buffer.from(random.chance(0.2) ? mangle(text, random) : text).toString('base64');
    return random.chance(0.4) ? line : mangle(line, random, ['=', '==', '-', '_', '\n', ' ', '\0', '=A', 'Ü', '+/']);
  },
  take: decodeBase64,
  wrong(line, taken) {
    const bytes = Uint8Array.from(atob(line.trim()), (letter) => letter.charCodeAt(0));
    if (new TextDecoder('utf-8', { ignoreBOM: true }).decode(bytes) !== taken) return 'was decoded to something else';
    return /^\s*[A-Za-z0-9+/]+={0,2}\s*$/.test(line) ? undefined : 'is not base64 on one line';
  },
};

import { StorageError } from '../../runtime/errors.ts';
import type { XmlElement } from './xml.ts';

/** The first child of that name. */
export function child(element: XmlElement | undefined, name: string): XmlElement | undefined {
  return element?.children.find((one) => one.name === name);
}

export function childrenOf(element: XmlElement | undefined, name: string): readonly XmlElement[] {
  return element?.children.filter((one) => one.name === name) ?? [];
}

/** Text of the child, without the white space around it; empty text is as good as no child (oned writes empty elements for what is not set). */
export function textOf(element: XmlElement | undefined, name: string): string | undefined {
  const text = child(element, name)?.text.trim();
  return text === '' ? undefined : text;
}

/** A whole number. Throws bad_document when there is text that is none. */
export function numberOf(element: XmlElement | undefined, name: string): number | undefined {
  const text = textOf(element, name);
  if (text === undefined) return undefined;
  if (!/^-?[0-9]{1,15}$/.test(text)) {
    throw new StorageError('bad_document', `${element?.name}/${name} is ${JSON.stringify(text.slice(0, 40))}, not a whole number`);
  }
  return Number(text);
}

/** YES or NO of a template, in any case; anything else is what it is without it. */
export function yes(text: string | undefined, otherwise: boolean): boolean {
  const word = text?.trim().toUpperCase();
  if (word === 'YES' || word === 'Y' || word === '1' || word === 'TRUE') return true;
  if (word === 'NO' || word === 'N' || word === '0' || word === 'FALSE') return false;
  return otherwise;
}

/** The children without children of their own, by name; the first of a name counts. */
export function attributesOf(element: XmlElement | undefined): ReadonlyMap<string, string> {
  const found = new Map<string, string>();
  for (const one of element?.children ?? []) {
    if (one.children.length === 0 && !found.has(one.name)) found.set(one.name, one.text.trim());
  }
  return found;
}

export function required<T>(value: T | undefined, what: string): T {
  if (value === undefined) throw new StorageError('bad_document', `the document has no ${what}`);
  return value;
}

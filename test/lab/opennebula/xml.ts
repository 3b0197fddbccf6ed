/** The few lines of XML writing that OpenNebula's documents need: no attributes, text in CDATA sections. */

export type XmlChild = string | readonly XmlChild[];

/** An element around what is XML already. */
export function element(name: string, ...children: readonly XmlChild[]): string {
  return `<${name}>${flat(children)}</${name}>`;
}

/** An element whose text oned writes as CDATA. */
export function cdata(name: string, text: string | number): string {
  return `<${name}><![CDATA[${String(text).replaceAll(']]>', ']]]]><![CDATA[>')}]]></${name}>`;
}

/** An element with a number or a plain word, escaped. */
export function plain(name: string, text: string | number): string {
  return `<${name}>${escapeText(String(text))}</${name}>`;
}

/** `{A: '1'}` as `<A><![CDATA[1]]></A>`, by name, as oned sorts its templates. */
export function template(pairs: Readonly<Record<string, string | number | undefined>>): string {
  return Object.entries(pairs)
    .filter((pair): pair is [string, string | number] => pair[1] !== undefined)
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([name, value]) => cdata(name, value))
    .join('');
}

export function escapeText(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;').replaceAll('"', '&quot;');
}

function flat(children: readonly XmlChild[]): string {
  return children.map((child) => (typeof child === 'string' ? child : flat(child))).join('');
}

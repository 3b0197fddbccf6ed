/** The few requests of man(7) that the manual pages need. Text is plain; what roff would take for its own is escaped. */

export interface PageHead {
  readonly name: string;
  readonly section: 1 | 5 | 8;
  /** One line, for apropos. */
  readonly summary: string;
  readonly version: string;
  /** Seconds since 1970: the same input gives the same page. */
  readonly date: number;
}

/** A whole page: head, NAME, and the sections that are made by the functions below. */
export function page({ name, section, summary, version, date }: PageHead, ...sections: readonly string[]): string {
  const day = new Date(date * 1000).toISOString().slice(0, 10);
  const head = `.TH ${quote(name.toUpperCase())} ${section} ${day} ${quote(`onestorage ${version}`)} ${quote('onestorage')}\n`;
  return `.\\" Made by packaging/man.\n${head}.SH NAME\n${plain(name)} \\- ${plain(summary)}\n${sections.join('')}`;
}

export function section(title: string, ...parts: readonly string[]): string {
  // A paragraph that follows the title is one by itself.
  return parts.length === 0 ? '' : `.SH ${quote(title)}\n${parts.join('').replace(/^\.PP\n/u, '')}`;
}

export function paragraph(text: string): string {
  return `.PP\n${plain(text)}\n`;
}

/** A bold term, and what it means. `depth`: of a key inside others. */
export function term(name: string, text: string, depth = 0): string {
  const item = `.TP\n.B ${quote(name)}\n${plain(text)}\n`;
  return depth === 0 ? item : `${'.RS\n'.repeat(depth)}${item}${'.RE\n'.repeat(depth)}`;
}

/** Lines as they are: commands, files. */
export function verbatim(text: string): string {
  const lines = text.replace(/^\n+|\n+$/gu, '').split('\n');
  return `.PP\n.nf\n.RS 4\n${lines.map(plain).join('\n')}\n.RE\n.fi\n`;
}

/** `onestorage(1), onestorage-agent.yaml(5)` */
export function references(pages: readonly (readonly [name: string, section: number])[]): string {
  const rows = pages.map(([name, number], index) => `.BR ${quote(name)} (${number})${index < pages.length - 1 ? ',' : ''}`);
  return `${rows.join('\n')}\n`;
}

function plain(text: string): string {
  const escaped = text
    .replaceAll('\\', '\\e')
    .replaceAll('-', '\\-')
    .replaceAll('`', '\\(ga')
    .replaceAll('^', '\\(ha')
    .replaceAll('~', '\\(ti')
    .replaceAll('…', '...')
    .replaceAll('→', '->');
  return escaped.replace(/^(?=[.'])/gmu, '\\&');
}

function quote(text: string): string {
  return `"${plain(text).replaceAll('"', '\\(dq')}"`;
}

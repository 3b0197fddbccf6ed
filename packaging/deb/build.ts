import { execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import { chmodSync, copyFileSync, mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join, relative } from 'node:path';
import { promisify } from 'node:util';
import type { DaemonName } from '../config/files.ts';
import { contents, type Ingredients, type PackageFile, zipped } from '../contents.ts';
import { MAINTAINER } from '../metadata.ts';
import { ROOT } from '../places.ts';
import { ARCHITECTURES, type Architecture } from '../sea/node.ts';
import { settle, stage } from '../stage.ts';
import { controlFile } from './control.ts';
import { changelogFile, copyrightFile } from './copyright.ts';
import { libraryPackages } from './libraries.ts';

/** Every dpkg knows xz; levels above take twice the time for three percent. */
const COMPRESSION = ['-Zxz', '-z2'] as const;

export interface PackageOrder {
  readonly daemon: DaemonName;
  readonly architecture: Architecture;
  /** `0.1.0-1` */
  readonly version: string;
  readonly ingredients: Ingredients;
  /** Empty directory to work in. */
  readonly work: string;
  /** Where the package goes. */
  readonly out: string;
}

/** Makes one .deb; gives its path. */
export async function buildDeb({ daemon, architecture, version, ingredients, work, out }: PackageOrder): Promise<string> {
  const name = `onestorage-${daemon}`;
  const root = join(work, 'root');
  const debian = ARCHITECTURES[architecture].debian;
  const files = [...(await contents(daemon, ingredients)), ...debianFiles(daemon, name, version, ingredients)];
  stage(files, root);
  const control = join(root, 'DEBIAN');
  const sums = checksums(root);
  const installedSize = sizeKib(root);
  mkdirSync(control);
  const libraries = daemon === 'agent' ? libraryPackages(ingredients.program) : [];
  writeFileSync(join(control, 'control'), controlFile(daemon, { version, architecture: debian, installedSize, libraries }));
  writeFileSync(join(control, 'md5sums'), sums);
  writeFileSync(
    join(control, 'conffiles'),
    files
      .filter(({ config }) => config)
      .map(({ path }) => `${path}\n`)
      .join(''),
  );
  for (const script of ['postinst', 'prerm', 'postrm']) {
    copyFileSync(join(ROOT, 'packaging/deb', `${name}.${script}`), join(control, script));
    chmodSync(join(control, script), 0o755);
  }
  settle(root, ingredients.date);
  const file = join(out, `${name}_${version}_${debian}.deb`);
  await promisify(execFile)('dpkg-deb', ['--root-owner-group', ...COMPRESSION, '--build', root, file], {
    env: { ...process.env, SOURCE_DATE_EPOCH: String(ingredients.date) },
  });
  return file;
}

function debianFiles(daemon: DaemonName, name: string, version: string, { components, date }: Ingredients): readonly PackageFile[] {
  const doc = `/usr/share/doc/${name}`;
  return [
    { path: `${doc}/copyright`, content: copyrightFile(daemon === 'agent' ? components : []) },
    { path: `${doc}/changelog.Debian.gz`, content: zipped(changelogFile(name, version, MAINTAINER, date)) },
    { path: `/usr/share/lintian/overrides/${name}`, content: readFileSync(join(ROOT, 'packaging/deb', `${name}.lintian-overrides`)) },
  ];
}

function filesBelow(root: string): string[] {
  const entries = readdirSync(root, { recursive: true, withFileTypes: true });
  return entries
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name))
    .sort();
}

/** `md5sum` of every file, for debsums. */
function checksums(root: string): string {
  const rows = filesBelow(root).map((file) => `${createHash('md5').update(readFileSync(file)).digest('hex')}  ${relative(root, file)}\n`);
  return rows.join('');
}

function sizeKib(root: string): number {
  return filesBelow(root).reduce((sum, file) => sum + Math.ceil(statSync(file).size / 1024), 0);
}

import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { completionScript } from '../controller/cli/completion.ts';
import { type DaemonName, packagedConfig } from './config/files.ts';
import type { Component } from './licences/components.ts';
import { bundledSoftware } from './licences/components.ts';
import { billOfMaterials } from './licences/sbom.ts';
import { manualPages } from './man/pages.ts';
import { VERSION } from './metadata.ts';
import { ROOT } from './places.ts';
import { createProgram } from './program.ts';

/** A file of a package, the same in deb and rpm. */
export interface PackageFile {
  /** Absolute, where it is installed. */
  readonly path: string;
  /** Text, or the file to copy. */
  readonly content: string | Buffer | { readonly copyOf: string };
  /** Changed by operators, and kept at an upgrade. */
  readonly config?: true;
  readonly executable?: true;
}

export interface Ingredients {
  /** Path of the program for the architecture. */
  readonly program: string;
  readonly components: readonly Component[];
  /** Seconds since 1970 that everything is dated with. */
  readonly date: number;
}

/** Everything that is in a package, but for what only Debian or only RPM has. */
export async function contents(daemon: DaemonName, ingredients: Ingredients): Promise<readonly PackageFile[]> {
  const doc = `/usr/share/doc/onestorage-${daemon}`;
  const pages = (await manualPages({ version: VERSION, date: ingredients.date })).filter((page) => page.package === daemon);
  const common: readonly PackageFile[] = [
    { path: `/etc/onestorage/${daemon}.yaml`, content: packagedConfig(daemon), config: true },
    { path: `/usr/lib/systemd/system/onestorage-${daemon}.service`, content: source(`systemd/onestorage-${daemon}.service`) },
    { path: `/usr/lib/tmpfiles.d/onestorage-${daemon}.conf`, content: source(`systemd/onestorage-${daemon}.tmpfiles`) },
    ...pages.map(({ file, text }) => ({ path: `/usr/share/man/man${file.at(-1) ?? ''}/${file}.gz`, content: zipped(text) })),
    { path: `${doc}/changelog.gz`, content: zipped(readFileSync(join(ROOT, 'CHANGELOG.md'))) },
  ];
  return [...common, ...(daemon === 'agent' ? await ofProgram(doc, ingredients) : ofController(doc))];
}

async function ofProgram(doc: string, { program, components, date }: Ingredients): Promise<readonly PackageFile[]> {
  const commands = await createProgram(undefined);
  return [
    { path: '/usr/bin/onestorage', content: { copyOf: program }, executable: true },
    { path: '/usr/lib/sysusers.d/onestorage.conf', content: source('systemd/onestorage.sysusers') },
    { path: '/usr/share/bash-completion/completions/onestorage', content: completionScript('bash', commands) },
    { path: `${doc}/bundled-software.txt.gz`, content: zipped(bundledSoftware(components)) },
    { path: `${doc}/sbom.cdx.json`, content: billOfMaterials(components, date) },
  ];
}

function ofController(doc: string): readonly PackageFile[] {
  return ['alerts.yml', 'dashboard.json'].map((name) => ({ path: `${doc}/examples/${name}`, content: source(`monitoring/${name}`) }));
}

function source(name: string): Buffer {
  return readFileSync(join(ROOT, 'packaging', name));
}

/** Without a name and a time inside: the same text gives the same bytes. */
export function zipped(text: string | Buffer): Buffer {
  return gzipSync(text, { level: 9 });
}

import type { DaemonName } from '../config/files.ts';
import type { PackageFile } from '../contents.ts';
import type { Component } from '../licences/components.ts';
import { DESCRIPTIONS, MAINTAINER, programPackages } from '../metadata.ts';

export interface SpecFacts {
  readonly version: string;
  readonly release: string;
  readonly files: readonly PackageFile[];
  readonly components: readonly Component[];
  /** Directory whose content is the package. */
  readonly root: string;
  /** Text of each scriptlet, by its name: post, preun, postun. */
  readonly scriptlets: Readonly<Record<string, string>>;
  readonly date: number;
}

/** The spec file: it compiles nothing, it says what the staged files are. */
export function specFile(daemon: DaemonName, { version, release, files, components, root, scriptlets, date }: SpecFacts): string {
  const { summary, paragraphs } = DESCRIPTIONS[daemon];
  const licences = [...new Set(['Apache-2.0', ...(daemon === 'agent' ? components.map(({ license }) => license) : [])])].sort();
  return [
    `Name: onestorage-${daemon}`,
    `Version: ${version}`,
    `Release: ${release}`,
    `Summary: ${summary.charAt(0).toUpperCase()}${summary.slice(1)}`,
    `License: ${licences.join(' AND ')}`,
    'Group: System Environment/Daemons',
    `Packager: ${MAINTAINER}`,
    ...relations(daemon, `${version}-${release}`, components),
    '',
    '%description',
    paragraphs.map((text) => text.replace(/(.{1,77})(?: |$)/gu, '$1\n').trimEnd()).join('\n\n'),
    '',
    '%install',
    `cp -a '${root}/.' %{buildroot}/`,
    '',
    ...Object.entries(scriptlets).map(([name, text]) => `%${name}\n${text}`),
    '%files',
    ...(daemon === 'agent' ? ['%dir %attr(0755, root, root) /etc/onestorage'] : []),
    `%dir %attr(0755, root, root) /usr/share/doc/onestorage-${daemon}`,
    ...(daemon === 'controller' ? ['%dir %attr(0755, root, root) /usr/share/doc/onestorage-controller/examples'] : []),
    ...files.map(fileLine),
    '',
    '%changelog',
    `* ${new Date(date * 1000).toUTCString().replace(/^(\w+), (\d+) (\w+) (\d+).*$/u, '$1 $3 $2 $4')} ${MAINTAINER} - ${version}-${release}`,
    '- Packaged; changelog.gz says what is new.',
    '',
  ].join('\n');
}

function relations(daemon: DaemonName, version: string, components: readonly Component[]): string[] {
  if (daemon === 'controller') return [`Requires: onestorage-agent = ${version}`, 'Requires: curl', 'Requires: systemd'];
  const { needed, optional } = programPackages('rpm');
  return [
    ...[...needed, 'systemd'].map((name) => `Requires: ${name}`),
    ...optional.map((name) => `Recommends: ${name}`),
    ...components.map(
      ({ name, version: own, integrity }) => `Provides: bundled(${integrity === undefined ? name : `npm(${name})`}) = ${own}`,
    ),
  ];
}

function fileLine({ path, config, executable }: PackageFile): string {
  const mode = `%attr(${executable ? '0755' : '0644'}, root, root)`;
  if (config) return `%config(noreplace) ${mode} ${path}`;
  return path.startsWith('/usr/share/doc/') || path.startsWith('/usr/share/man/') ? `%doc ${mode} ${path}` : `${mode} ${path}`;
}

import type { DaemonName } from '../config/files.ts';
import { DESCRIPTIONS, MAINTAINER, programPackages } from '../metadata.ts';

export interface ControlFacts {
  readonly version: string;
  readonly architecture: string;
  /** KiB */
  readonly installedSize: number;
  /** Packages with the libraries of the program. */
  readonly libraries: readonly string[];
}

/** DEBIAN/control */
export function controlFile(daemon: DaemonName, { version, architecture, installedSize, libraries }: ControlFacts): string {
  const { summary, paragraphs } = DESCRIPTIONS[daemon];
  const { needed, optional } = programPackages('debian');
  const relations =
    daemon === 'agent'
      ? [`Depends: ${[...libraries, ...needed, 'systemd'].join(', ')}`, `Recommends: ${optional.join(', ')}`]
      : [`Depends: onestorage-agent (= ${version}), curl, systemd`, 'Enhances: opennebula'];
  return [
    `Package: onestorage-${daemon}`,
    `Version: ${version}`,
    `Architecture: ${architecture}`,
    `Maintainer: ${MAINTAINER}`,
    `Installed-Size: ${installedSize}`,
    ...relations,
    'Section: admin',
    'Priority: optional',
    `Description: ${summary}`,
    paragraphs.map((text) => wrapped(text)).join('\n .\n'),
    '',
  ].join('\n');
}

function wrapped(text: string): string {
  return text.replace(/(.{1,77})(?: |$)/gu, ' $1\n').trimEnd();
}

import type { Component } from '../licences/components.ts';

/** debian/copyright, in Debian's machine-readable form. Texts of what is bundled stand in bundled-software.txt.gz. */
export function copyrightFile(components: readonly Component[]): string {
  const licences = [...new Set(components.map(({ license }) => license))].sort();
  const list = components.map(({ name, version, license }) => `  ${name} ${version}: ${license}`).join('\n');
  return `Format: https://www.debian.org/doc/packaging-manuals/copyright-format/1.0/
Upstream-Name: onestorage

Files: *
Copyright: 2026 the onestorage project
License: Apache-2.0

${
  components.length === 0
    ? ''
    : `Files: usr/bin/onestorage
Copyright: 2026 the onestorage project, and the authors of the software it contains
License: Apache-2.0 and others
Comment: The program contains
${list}
 .
 Licences: ${licences.join(', ')}.
 .
 Their texts, with the names of the authors, are in
 /usr/share/doc/onestorage-agent/bundled-software.txt.gz; a bill of materials
 is beside it, sbom.cdx.json.

License: Apache-2.0 and others
 Ours is under the Apache License 2.0; the licence of each piece is in
 /usr/share/doc/onestorage-agent/bundled-software.txt.gz.

`
}License: Apache-2.0
 On Debian systems the text of the Apache License, version 2.0, is in
 /usr/share/common-licenses/Apache-2.0.
`;
}

/** debian/changelog: what changed stands in changelog.gz, which operators read. */
export function changelogFile(name: string, version: string, maintainer: string, date: number): string {
  return `${name} (${version}) stable; urgency=medium

  * Packaged; changelog.gz says what is new.

 -- ${maintainer}  ${new Date(date * 1000).toUTCString().replace('GMT', '+0000')}
`;
}

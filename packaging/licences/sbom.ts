import { createHash } from 'node:crypto';
import { VERSION } from '../metadata.ts';
import type { Component } from './components.ts';

/**
 * What is inside the program, as CycloneDX 1.6. Not by `npm sbom`, which lists what is installed: here stands what the bundle holds, and Node. The
 * serial number comes from the content, so that the same input gives the same bytes.
 */
export function billOfMaterials(components: readonly Component[], date: number): string {
  const own = { type: 'application', name: 'onestorage', version: VERSION, purl: `pkg:generic/onestorage@${VERSION}` };
  const rows = components.map(describe);
  const digest = createHash('sha256').update(JSON.stringify(rows)).digest('hex');
  const document = {
    bomFormat: 'CycloneDX',
    specVersion: '1.6',
    serialNumber: `urn:uuid:${uuid(digest)}`,
    version: 1,
    metadata: {
      timestamp: new Date(date * 1000).toISOString(),
      component: { 'bom-ref': own.purl, ...own, licenses: [{ license: { id: 'Apache-2.0' } }] },
    },
    components: rows,
    dependencies: [{ ref: own.purl, dependsOn: rows.map((row) => row['bom-ref']) }],
  };
  return `${JSON.stringify(document, undefined, 2)}\n`;
}

function describe({ name, version, license, homepage, integrity }: Component) {
  const slash = name.indexOf('/');
  // A scope is a namespace, with its @ escaped.
  const path = slash < 0 ? name : `%40${name.slice(1, slash)}/${name.slice(slash + 1)}`;
  const purl = integrity === undefined ? `pkg:generic/${name}@${version}` : `pkg:npm/${path}@${version}`;
  return {
    type: integrity === undefined ? 'application' : 'library',
    'bom-ref': purl,
    name,
    version,
    purl,
    licenses: [{ license: { id: license } }],
    ...(integrity === undefined ? {} : { hashes: [{ alg: 'SHA-512', content: hex(integrity) }] }),
    ...(homepage === undefined ? {} : { externalReferences: [{ type: 'website', url: homepage }] }),
  };
}

function hex(integrity: string): string {
  return Buffer.from(integrity.replace(/^sha512-/u, ''), 'base64').toString('hex');
}

/** A name-based identifier (RFC 9562, version 8) of a digest. */
function uuid(digest: string): string {
  return `${digest.slice(0, 8)}-${digest.slice(8, 12)}-8${digest.slice(13, 16)}-a${digest.slice(17, 20)}-${digest.slice(20, 32)}`;
}

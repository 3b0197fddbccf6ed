import { readFile } from 'node:fs/promises';
import { hostname } from 'node:os';
import { join } from 'node:path';
import { StorageError } from '../../runtime/errors.ts';
import type { ControllerConfig } from '../config.ts';
import type { Places } from './places.ts';
import { readTemplate } from './template-file.ts';

/** What is found out about the front-end. */
export interface Site {
  readonly version: ControllerConfig['opennebula']['version'];
  /** What oned writes before paths of the front-end. */
  readonly names: readonly string[];
}

/** Reads remotes/VERSION, which every OpenNebula has for `onehost sync`, and HOSTNAME of oned.conf. `version` given: it is that. */
export async function findSite(places: Places, onedConf: string, version: Site['version'] | undefined): Promise<Site> {
  const configured = readTemplate(onedConf, places.onedConf).find(({ name }) => name === 'HOSTNAME')?.value?.text;
  return {
    version: version ?? (await findVersion(places)),
    names: [configured === undefined || configured === '' ? hostname() : configured],
  };
}

async function findVersion({ remotes }: Places): Promise<Site['version']> {
  const text = await readFile(join(remotes, 'VERSION'), 'utf8').catch(() => '');
  const [, major = '', minor = ''] = /^\s*(\d+)\.(\d+)/u.exec(text) ?? [];
  if (major === '7') return '7';
  if (major === '6' && minor === '10') return '6.10';
  const found = major === '' ? `${join(remotes, 'VERSION')} does not say which OpenNebula this is` : `this is OpenNebula ${text.trim()}`;
  throw new StorageError('unsupported', `${found}: 6.10 and 7 are supported; name the one to be treated as with --opennebula`);
}

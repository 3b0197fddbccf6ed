import { cpSync, mkdirSync, mkdtempSync, readFileSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { defaultPlaces, type Places } from '../../../controller/setup/places.ts';

/** The files of an OpenNebula front-end in a temporary directory, as far as setup looks at them. */
export function frontEnd(version: '6.10' | '7', patch = ''): { readonly root: string; readonly places: Places } {
  const root = mkdtempSync(join(tmpdir(), 'onestorage-setup-'));
  const location = join(root, 'one');
  const fixtures = join(import.meta.dirname, '../../fixtures/front-end', version);
  mkdirSync(join(location, 'etc/vmm_exec'), { recursive: true });
  for (const name of ['tm/ssh', 'datastore/fs']) mkdirSync(join(location, 'var/remotes', name), { recursive: true });
  writeFileSync(join(location, 'var/remotes/VERSION'), version === '7' ? '7.4.0' : '6.10.5');
  writeFileSync(join(location, 'var/remotes/tm/ssh/clone'), '#!/bin/sh\n', { mode: 0o755 });
  cpSync(join(fixtures, 'vmm_execrc'), join(location, 'etc/vmm_exec/vmm_execrc'));
  writeFileSync(join(location, 'etc/oned.conf'), readFileSync(join(fixtures, 'oned.conf'), 'latin1') + patch, {
    encoding: 'latin1',
    mode: 0o640,
  });
  const places = { ...defaultPlaces({ ONE_LOCATION: location }), etc: join(root, 'etc-onestorage'), stateDirectory: join(root, 'state') };
  return { root, places };
}

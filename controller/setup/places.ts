import { stat } from 'node:fs/promises';
import { join } from 'node:path';
import { asStorageError } from '../../runtime/errors.ts';

/** Where things are on a front-end. */
export interface Places {
  /** OpenNebula's: its remotes tree and two configuration files. */
  readonly remotes: string;
  readonly onedConf: string;
  readonly vmmExecrc: string;
  readonly datastores: string;
  readonly vmFiles: string;
  readonly authFile: string;
  /** Ours: everything else lies below it. */
  readonly etc: string;
  readonly stateDirectory: string;
}

/** As packages install OpenNebula, or below ONE_LOCATION when that is set (a self-contained installation). */
export function defaultPlaces(environment: Readonly<Record<string, string | undefined>>): Places {
  const location = environment['ONE_LOCATION'];
  const packaged = location === undefined || location === '';
  const etc = packaged ? '/etc/one' : join(location, 'etc');
  const home = packaged ? '/var/lib/one' : join(location, 'var');
  return {
    remotes: join(home, 'remotes'),
    onedConf: join(etc, 'oned.conf'),
    vmmExecrc: join(etc, 'vmm_exec/vmm_execrc'),
    datastores: join(home, 'datastores'),
    vmFiles: join(home, 'vms'),
    authFile: environment['ONE_AUTH'] ?? (packaged ? '/var/lib/one/.one/one_auth' : join(location, '.one/one_auth')),
    etc: '/etc/onestorage',
    stateDirectory: '/var/lib/onestorage',
  };
}

/** Names below `etc`. */
export const OWN = {
  authority: 'authority',
  controllerPki: 'controller-pki',
  agentPki: 'pki',
  controllerConfig: 'controller.yaml',
  agentConfig: 'agent.yaml',
  /** What setup changed, and what it was before. */
  setup: 'setup',
} as const;

export interface Owner {
  readonly uid: number;
  readonly gid: number;
}

/** Who runs oned: the owner of its remotes tree. Throws not_found. */
export async function oneadmin({ remotes }: Pick<Places, 'remotes'>): Promise<Owner> {
  try {
    const { uid, gid } = await stat(remotes);
    return { uid, gid };
  } catch (thrown) {
    throw asStorageError(thrown, "OpenNebula's remotes directory");
  }
}

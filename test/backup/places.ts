import { mkdir } from 'node:fs/promises';
import path from 'node:path';
import { startRestServer } from '../helpers/rest-server.ts';
import { startSshd } from '../helpers/sshd.ts';
import type { HostName } from '../lab/site.ts';

/** Where a backup datastore keeps its backups, with the server it needs. */
export interface Place {
  readonly dsMad: 'agent_restic' | 'agent_rsync';
  /** Of the datastore, as an administrator writes it. */
  readonly template: Readonly<Record<string, string>>;
  readonly sshConfig: string | undefined;
  /** Where the VM is: a repository in a directory is only on its own host. */
  readonly host: HostName;
  /** The repository's directory on the server, which a test may damage. */
  repository(vmId: number): string | undefined;
  stop(): Promise<void>;
}

export const PASSWORD = `a "password" with 'quotes' & more`;
const nothing = async (): Promise<void> => undefined;

/** `base`: BASE_PATH of the datastore on the server; `root`: a directory of the test. */
type Start = (root: string, base: string) => Promise<Place>;

const sftp: Start = async (root, base) => {
  const sshd = await startSshd(path.join(root, 'sshd'));
  await mkdir(base, { recursive: true });
  return {
    dsMad: 'agent_restic',
    template: { RESTIC_PASSWORD: PASSWORD, RESTIC_SFTP_SERVER: 'backup1', RESTIC_SFTP_USER: sshd.user, RESTIC_TMP_DIR: root },
    sshConfig: sshd.config,
    host: 'host01',
    repository: (vmId) => path.join(base, String(vmId)),
    stop: sshd.stop,
  };
};

const rsync: Start = async (root, base) => {
  const sshd = await startSshd(path.join(root, 'sshd'));
  await mkdir(base, { recursive: true });
  return {
    dsMad: 'agent_rsync',
    template: { RSYNC_HOST: 'backup1', RSYNC_USER: sshd.user, RSYNC_TMP_DIR: root },
    sshConfig: sshd.config,
    host: 'host01',
    repository: (vmId) => path.join(base, String(vmId)),
    stop: sshd.stop,
  };
};

const rest: Start = async (root) => {
  const server = await startRestServer(path.join(root, 'rest'));
  return {
    dsMad: 'agent_restic',
    template: {
      RESTIC_BACKEND: 'REST',
      RESTIC_PASSWORD: PASSWORD,
      RESTIC_REST_URL: server.url,
      RESTIC_REST_USER: server.user,
      RESTIC_REST_PASSWORD: server.password,
      RESTIC_TMP_DIR: root,
    },
    sshConfig: undefined,
    host: 'host01',
    repository: (vmId) => path.join(server.directory, String(vmId)),
    stop: server.stop,
  };
};

const local: Start = async (root, base) => ({
  dsMad: 'agent_restic',
  template: { RESTIC_BACKEND: 'LOCAL', RESTIC_PASSWORD: PASSWORD, RESTIC_TMP_DIR: root },
  sshConfig: undefined,
  host: 'frontend',
  repository: (vmId) => path.join(base, String(vmId)),
  stop: nothing,
});

export const PLACES = {
  'restic local': { needs: ['restic'], start: local },
  'restic sftp': { needs: ['restic', 'sshd', 'ssh'], start: sftp },
  'restic rest': { needs: ['restic', 'rclone'], start: rest },
  rsync: { needs: ['rsync', 'sshd', 'ssh'], start: rsync },
} as const satisfies Readonly<Record<string, { readonly needs: readonly string[]; readonly start: Start }>>;

export type PlaceName = keyof typeof PLACES;

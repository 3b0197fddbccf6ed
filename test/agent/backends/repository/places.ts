import { mkdir } from 'node:fs/promises';
import path from 'node:path';
import type { RepositoryOf, RepositorySecret } from '../../../../agent/backends/repository/input.ts';
import type { ProgramName } from '../../../../agent/tools/programs.ts';
import { startRestServer } from '../../../helpers/rest-server.ts';
import { startS3Server } from '../../../helpers/s3-server.ts';
import { type Sshd, startSshd } from '../../../helpers/sshd.ts';

export const PASSWORD = 'the-password-of-the-repository';

const LIMITS = {
  bytesPerSecond: 0,
  threads: 0,
  cpuPercent: 0,
  memoryBytes: 0,
  readOperationsPerSecond: 0,
  writeOperationsPerSecond: 0,
} as const;

/** A repository that is served, with what it needs. */
export interface Served {
  readonly repository: RepositoryOf;
  readonly secret: RepositorySecret;
  readonly sshConfig: string | undefined;
  /** Directory in which the server keeps the repository, where a test can damage it; undefined: none. */
  readonly directory: string | undefined;
  /** Of a server behind ssh. */
  readonly sshd?: Sshd;
  stop(): Promise<void>;
}

type Start = (root: string) => Promise<Served>;

const SECRET: RepositorySecret = { password: PASSWORD, restPassword: '', s3SecretAccessKey: '' };
const RESTIC = { kind: 'restic', compression: 'auto', connections: 0, pruneMaxRepack: '', pruneMaxUnused: '' } as const;

function repositoryAt(store: RepositoryOf['store'], root: string): RepositoryOf {
  return { datastoreId: 105, directory: '7', store, limits: { ...LIMITS }, workDirectory: path.join(root, 'work') };
}

const startLocal: Start = async (root) => ({
  repository: repositoryAt({ ...RESTIC, place: { at: 'local' } }, root),
  secret: SECRET,
  sshConfig: undefined,
  directory: path.join(root, 'datastores/105/7'),
  stop: async () => undefined,
});

const startSftp: Start = async (root) => {
  const sshd = await startSshd(path.join(root, 'sshd'));
  const basePath = path.join(root, 'server');
  await mkdir(basePath, { recursive: true });
  const place = { at: 'sftp', host: 'backup1', user: sshd.user, basePath: `${root}//server` } as const;
  return {
    repository: repositoryAt({ ...RESTIC, place }, root),
    ...{ secret: SECRET, sshd, sshConfig: sshd.config, directory: path.join(basePath, '7'), stop: sshd.stop },
  };
};

const startRest: Start = async (root) => {
  const server = await startRestServer(path.join(root, 'rest'));
  const place = { at: 'rest', url: server.url, user: server.user, caCertificate: '' } as const;
  return {
    repository: repositoryAt({ ...RESTIC, place }, root),
    secret: { ...SECRET, restPassword: server.password },
    ...{ sshConfig: undefined, directory: path.join(server.directory, '7'), stop: server.stop },
  };
};

const startRsync: Start = async (root) => {
  const sshd = await startSshd(path.join(root, 'sshd'));
  const basePath = path.join(root, 'server');
  await mkdir(basePath, { recursive: true });
  const store = { kind: 'rsync', host: 'backup1', user: sshd.user, basePath, arguments: [] } as const;
  return {
    repository: repositoryAt({ ...store, arguments: [...store.arguments] }, root),
    secret: { password: '', restPassword: '', s3SecretAccessKey: '' },
    ...{ sshd, sshConfig: sshd.config, directory: path.join(basePath, '7'), stop: sshd.stop },
  };
};

const startS3: Start = async (root) => {
  const server = await startS3Server(path.join(root, 's3'));
  const place = {
    ...({ at: 's3', endpoint: server.endpoint, bucket: server.bucket, prefix: '', region: '', accessKeyId: server.accessKeyId } as const),
    ...{ forcePathStyle: true, caCertificate: server.authority, insecureTls: false },
  };
  return {
    repository: repositoryAt({ ...RESTIC, place }, root),
    secret: { ...SECRET, s3SecretAccessKey: server.secretAccessKey },
    ...{ sshConfig: undefined, directory: undefined, stop: server.stop },
  };
};

/** Kinds of repositories, what of programs each needs, and how one is started below a directory of the test's own. */
export const PLACES = {
  local: { needs: ['restic'], start: startLocal },
  sftp: { needs: ['restic', 'ssh'], start: startSftp },
  rest: { needs: ['restic'], start: startRest },
  s3: { needs: ['restic'], start: startS3 },
  rsync: { needs: ['rsync', 'ssh'], start: startRsync },
} as const satisfies Readonly<Record<string, { readonly needs: readonly ProgramName[]; readonly start: Start }>>;

export type PlaceName = keyof typeof PLACES;

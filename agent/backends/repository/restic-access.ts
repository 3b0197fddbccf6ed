import path from 'node:path';
import { StorageError } from '../../../runtime/errors.ts';
import type { ResticAccess } from '../../tools/restic.ts';
import { sshAddress } from '../../tools/ssh.ts';
import { sshConnection } from '../../tools/ssh-connection.ts';
import { datastoreRoot } from '../file/places.ts';
import type { RepositoryOf, RepositorySecret, ResticOf } from './input.ts';

/** What of the agent a repository is reached with. */
export interface RepositoryHost {
  readonly datastores: string;
  readonly stateDirectory: string;
  readonly sshConfig: string | undefined;
}

type Location = Pick<ResticAccess, 'label' | 'location' | 'credentials' | 'caCertificate' | 'insecureTls' | 'options' | 'connection'>;

const CONNECTIONS = 5;
const NOTHING = { credentials: undefined, caCertificate: undefined, insecureTls: false, connection: undefined } as const;

/** How restic reaches a repository. Layout as the stock driver's: one repository a directory below the base. Error bad_argument. */
export function resticAccess(host: RepositoryHost, repository: RepositoryOf, restic: ResticOf, secret: RepositorySecret): ResticAccess {
  const { bytesPerSecond, threads, memoryBytes } = repository.limits;
  // The stock driver leaves quotes out of the password, so a repository it made opens without them.
  const password = secret.password.replaceAll(/["']/gu, '');
  if (password === '') throw new StorageError('bad_argument', `datastore ${repository.datastoreId} has no RESTIC_PASSWORD`);
  return {
    ...locate(host, repository, restic, secret),
    password,
    cacheDirectory: path.join(host.stateDirectory, 'restic-cache'),
    compression: restic.compression,
    bytesPerSecond,
    threads,
    memoryBytes,
  };
}

function locate(host: RepositoryHost, { datastoreId, directory }: RepositoryOf, restic: ResticOf, secret: RepositorySecret): Location {
  const { place } = restic;
  const connections = restic.connections === 0 ? CONNECTIONS : restic.connections;
  switch (place.at) {
    case 'local': {
      const location = path.join(datastoreRoot(host.datastores, datastoreId), directory);
      return { ...NOTHING, label: location, location, options: [] };
    }
    case 'sftp': {
      const target = { host: place.host, user: place.user === '' ? 'oneadmin' : place.user, config: host.sshConfig };
      const location = `sftp:${sshAddress(target)}:${absolute(place.basePath)}/${directory}`;
      const connection = sshConnection(target);
      return { ...NOTHING, label: location, location, options: [`sftp.connections=${connections}`], connection };
    }
    case 'rest': {
      const url = webAddress(place.url, 'RESTIC_REST_URL');
      const label = `rest:${url}/${directory}/`;
      const user = place.user === '' ? '' : `${encodeURIComponent(place.user)}:${encodeURIComponent(secret.restPassword)}@`;
      const location = label.replace('://', `://${user}`);
      return {
        ...NOTHING,
        label,
        location,
        caCertificate: textOrNothing(place.caCertificate),
        options: [`rest.connections=${connections}`],
      };
    }
    case 's3': {
      const endpoint = place.endpoint === '' ? 'https://s3.amazonaws.com' : webAddress(place.endpoint, 'RESTIC_S3_ENDPOINT');
      const bucket = s3Words(place.bucket, place.prefix, directory);
      const location = `s3:${endpoint}/${bucket}`;
      const region = place.region === '' ? 'us-east-1' : place.region;
      const lookup = place.forcePathStyle ? ['s3.bucket-lookup=path'] : [];
      return {
        ...NOTHING,
        label: location,
        location,
        credentials: `[default]\naws_access_key_id = ${place.accessKeyId}\naws_secret_access_key = ${secret.s3SecretAccessKey}\n`,
        caCertificate: textOrNothing(place.caCertificate),
        insecureTls: place.insecureTls,
        options: [`s3.connections=${connections}`, `s3.region=${region}`, ...lookup],
      };
    }
  }
}

function textOrNothing(text: string): string | undefined {
  return text === '' ? undefined : text;
}

function webAddress(text: string, attribute: string): string {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  if (url === undefined || !/^https?:$/u.test(url.protocol) || url.username !== '' || url.password !== '' || url.search !== '') {
    throw new StorageError('bad_argument', `${attribute} must be http(s)://host[:port][/path], without user and password`);
  }
  return url.href.replace(/\/+$/u, '');
}

function s3Words(bucket: string, prefix: string, directory: string): string {
  if (!/^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$/u.test(bucket))
    throw new StorageError('bad_argument', `'${bucket.slice(0, 63)}' is not a bucket`);
  const words = prefix.split('/').filter((word) => word !== '');
  if (words.some((word) => !/^[\w.-]+$/u.test(word) || word === '..'))
    throw new StorageError('bad_argument', `'${prefix.slice(0, 100)}' is not a prefix`);
  return [bucket, ...words, directory].join('/');
}

/** BASE_PATH on another machine, as the stock driver cleans it: "/var/lib/one//datastores/105" has one slash too many. Error bad_argument. */
export function absolute(basePath: string): string {
  const clean = path.posix.normalize(basePath).replace(/\/+$/u, '');
  if (!/^\/[\w./@%+=,-]+$/u.test(clean) || basePath.split('/').includes('..')) {
    throw new StorageError('bad_argument', `'${basePath.slice(0, 200)}' is not a base path: absolute, of letters, digits and ./@%+=,-_`);
  }
  return clean;
}

import path from 'node:path';
import { StorageError } from '../../../runtime/errors.ts';
import { datastoreRoot } from '../file/places.ts';
import type { RepositoryOf, RepositorySecret } from './input.ts';
import type { Repository } from './repository.ts';
import { resticRepository } from './restic.ts';
import { absolute, type RepositoryHost, resticAccess } from './restic-access.ts';
import { rsyncRepository } from './rsync.ts';

const NO_SECRET: RepositorySecret = { password: '', restPassword: '', s3SecretAccessKey: '' };

/** A repository as it was asked for. Nothing is started or connected. Error bad_argument. */
export function openRepository(host: RepositoryHost, repository: RepositoryOf, secret: RepositorySecret = NO_SECRET): Repository {
  const { store, directory, limits } = repository;
  if (!/^(?:\d+|job_\d+)$/u.test(directory))
    throw new StorageError('bad_argument', `'${directory.slice(0, 40)}' is not the directory of a VM or of a backup job`);
  if (store.kind === 'rsync') {
    return rsyncRepository({
      target: { host: store.host, user: store.user === '' ? 'oneadmin' : store.user, config: host.sshConfig },
      base: absolute(store.basePath),
      directory,
      words: store.arguments,
      bytesPerSecond: limits.bytesPerSecond,
    });
  }
  const { place } = store;
  const local = place.at === 'local' ? datastoreRoot(host.datastores, repository.datastoreId) : undefined;
  return resticRepository({
    access: resticAccess({ ...host, stateDirectory: path.resolve(host.stateDirectory) }, repository, store, secret),
    measured: place.at === 'sftp' ? absolute(place.basePath) : local,
    pruneMaxRepack: sizeWord(store.pruneMaxRepack, 'RESTIC_PRUNE_MAX_REPACK', /^\d+[kKmMgGtT]?$/u),
    pruneMaxUnused: sizeWord(store.pruneMaxUnused, 'RESTIC_PRUNE_MAX_UNUSED', /^(?:\d+[kKmMgGtT%]?|unlimited)$/u),
  });
}

function sizeWord(word: string, attribute: string, pattern: RegExp): string {
  if (word === '' || pattern.test(word)) return word;
  throw new StorageError('bad_argument', `${attribute} is '${word.slice(0, 40)}'; a size as 500M is expected`);
}

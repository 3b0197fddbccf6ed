import path from 'node:path';
import { StorageError } from '../../runtime/errors.ts';
import type { OperationContext, Resource, UndoContext } from '../../runtime/operations/types.ts';
import { confined } from '../backends/repository/context.ts';
import type { RepositoryOf } from '../backends/repository/input.ts';
import { openRepository } from '../backends/repository/open.ts';
import type { Repository, RepositoryContext } from '../backends/repository/repository.ts';
import type { AgentContext } from '../context.ts';
import { secretsOf } from '../origin/secrets.ts';

export type BackupAgent = Pick<AgentContext, 'datastores' | 'stateDirectory' | 'hostName'> & { readonly sshConfig?: string };

/** After a restart, the controller is back with the password by then, or it is not. */
const PATIENCE_MS = 60_000;

/** One at a time may remove from a repository, or merge in it; restic's own locks are for other hosts. */
export function repositoryResource({ datastoreId, directory }: RepositoryOf): Resource {
  return `repository:${datastoreId}/${directory}`;
}

/** Opens the repository of an operation. Error interrupted: the agent was restarted, and nobody brought the password again. */
export async function openFor(
  agent: BackupAgent,
  repository: RepositoryOf,
  operation: Pick<OperationContext, 'operationId'> & { readonly signal?: AbortSignal },
  patienceMs = PATIENCE_MS,
): Promise<Repository> {
  const { datastores, stateDirectory, sshConfig } = agent;
  const host = { datastores, stateDirectory, sshConfig };
  if (repository.store.kind === 'rsync') return openRepository(host, repository);
  const held = await secretsOf(agent).wait(operation.operationId, patienceMs, operation.signal);
  if (held?.repository === undefined) {
    throw new StorageError(
      'interrupted',
      `the agent was restarted, and the password of datastore ${repository.datastoreId} is on no disk; start it again`,
    );
  }
  return openRepository(host, repository, held.repository);
}

/** What a repository's calls need of an operation: its signal, its log, and the limits of the datastore for every program. */
export function limitedContext(agent: BackupAgent, repository: RepositoryOf, context: OperationContext): Promise<RepositoryContext> {
  return confined(context, repository.limits, { reads: agent.datastores, writes: agent.datastores });
}

/** For undo, which nothing aborts and whose progress nobody sees. */
export function undoRepositoryContext(context: UndoContext): RepositoryContext {
  return { signal: new AbortController().signal, log: (level, text) => context.log(level, text), report: () => undefined };
}

/** The directory of an operation's own for what it merges. */
export function workDirectory({ workDirectory: directory }: RepositoryOf, operationId: string): string {
  const parent = directory === '' ? '/var/tmp' : directory;
  if (!path.isAbsolute(parent) || parent.split('/').includes('..')) {
    throw new StorageError('bad_argument', `'${parent.slice(0, 200)}' is no directory to merge increments in: an absolute path is needed`);
  }
  return path.join(parent, `.onestorage.${operationId}`);
}

import { createHash } from 'node:crypto';
import type { ListBackupResponse__Output } from '../../proto/gen/onestorage/v1/ListBackupResponse.ts';
import type { AgentCalls } from './agent-calls.ts';

const KEPT_MS = 5 * 60_000;
const MOST = 64;
const CHANGES: ReadonlySet<string> = new Set(['Backups/Store', 'Backups/Remove', 'Backups/Flatten', 'Backups/Unlock']);

/**
 * The same agents, that ask a repository once what a chain holds: a restore asks, and then oned asks for the size of every disk, each time with
 * 90 s to answer (contract 1.4), and a repository far away may take seconds to open. What was stored under an id never changes, so an answer
 * stays true until something is removed; one that lacks a link is not kept.
 */
export function rememberListings<T extends AgentCalls>(agents: T): T {
  const kept = new Map<string, { readonly until: number; readonly withDocument: boolean; readonly answer: ListBackupResponse__Output }>();
  return {
    ...agents,
    start: (host, method, request, signal) => {
      if (CHANGES.has(method)) kept.clear();
      return agents.start(host, method, request, signal);
    },
    listBackup: async (host, request, signal) => {
      // The request holds a password: only its digest is kept.
      const key = createHash('sha256')
        .update(JSON.stringify([host.address, { ...request, withDocument: false }]))
        .digest('hex');
      const known = kept.get(key);
      const withDocument = request.withDocument === true;
      if (known !== undefined && known.until > performance.now() && (known.withDocument || !withDocument)) return known.answer;
      const answer = await agents.listBackup(host, request, signal);
      if (answer.increments.every(({ present }) => present)) {
        for (const oldest of [...kept.keys()].slice(0, Math.max(0, kept.size + 1 - MOST))) kept.delete(oldest);
        kept.set(key, { until: performance.now() + KEPT_MS, withDocument, answer });
      }
      return answer;
    },
  };
}

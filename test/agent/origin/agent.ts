import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { pino } from 'pino';
import type { AgentContext } from '../../../agent/context.ts';
import { Revocations } from '../../../runtime/identity/revocation.ts';
import { Operations } from '../../../runtime/operations/operations.ts';
import { scratch } from './helpers.ts';

export interface TestAgent {
  readonly agent: AgentContext;
  /** Holds datastores/, images/ (for origins), staging/ and state/. */
  readonly root: string;
  /** Directory of datastore 1. */
  readonly datastore: string;
  /** As after kill -9: another process with the same journal. Operations that were under way are given up first. */
  stop(): Promise<void>;
}

/** An agent without its gRPC service, with a real journal. */
export async function testAgent(existing?: string): Promise<TestAgent> {
  const own = existing === undefined ? await scratch() : undefined;
  const root = existing ?? own?.path ?? '';
  for (const name of ['datastores/1', 'images', 'staging', 'state', 'pki']) await mkdir(join(root, name), { recursive: true });
  const log = pino({ level: 'silent' });
  const operations = new Operations({ file: join(root, 'state', 'journal.db'), log });
  const agent: AgentContext = {
    datastores: join(root, 'datastores'),
    remotes: '/var/tmp/one',
    vmFiles: join(root, 'vms'),
    stateDirectory: join(root, 'state'),
    hostName: 'localhost',
    machineId: 'machine',
    identity: {
      role: 'agent',
      hostName: 'localhost',
      machineId: 'machine',
      certificate: '',
      key: '',
      authority: '',
      directory: join(root, 'pki'),
      notBefore: new Date(0),
      notAfter: new Date(0),
      revocations: new Revocations(),
    },
    address: 'localhost:0',
    dataPorts: { first: 1, last: 1 },
    log,
    operations,
  };
  const stop = async (): Promise<void> => {
    operations.stop();
    await own?.remove();
  };
  return { agent, root, datastore: join(root, 'datastores', '1'), stop };
}

import { afterEach, describe, expect, it } from 'vitest';
import { controllerConfig } from '../../../controller/config.ts';
import { hostDirectory } from '../../../controller/hosts/directory.ts';
import { Marking } from '../../../controller/hosts/mark-datastores.ts';
import type { HostedDatastore } from '../../../controller/opennebula/hosted-datastores.ts';
import { StorageError } from '../../../runtime/errors.ts';
import { createLogger } from '../../../runtime/log.ts';
import { FakeAgents } from '../fake-agents.ts';

let marking: Marking | undefined;
afterEach(() => marking?.stop());

function make(datastores: () => Promise<readonly HostedDatastore[]>, agents: FakeAgents, intervalMs = 60_000): Marking {
  const hosts = hostDirectory(controllerConfig.parse({ front_end: { names: ['frontend'] } }));
  marking = new Marking({ intervalMs, datastores, hosts, agents, log: createLogger('test', 'fatal') });
  return marking;
}

const seen = ({ calls }: FakeAgents): string[] =>
  calls.map(({ host, request }) => `${host} ${request['datastoreId']} ${request['monitor']}`).sort();

describe('marking', () => {
  it('reaches every host of every datastore', async () => {
    const agents = new FakeAgents();
    await make(
      async () => [
        { id: 107, driver: 'agent_local', hostNames: ['host01', 'host02'] },
        { id: 110, driver: 'agent_local', hostNames: ['host02'] },
        { id: 111, driver: 'agent_local', hostNames: [] },
      ],
      agents,
    ).markAll();
    expect(seen(agents)).toEqual(['host01 107 agent_local', 'host02 107 agent_local', 'host02 110 agent_local']);
  });

  it('goes on past a host that does not answer', async () => {
    const agents = new FakeAgents();
    agents.behave = ({ host }) => {
      if (host === 'host01') throw new StorageError('unreachable', 'host01 does not answer');
      return { format: '', sizeBytes: 0, md5: '' };
    };
    const hostNames = Array.from({ length: 20 }, (_, index) => `host${String(index).padStart(2, '0')}`);
    await make(async () => [{ id: 107, driver: 'agent_local', hostNames }], agents).markAll();
    expect(agents.calls).toHaveLength(20);
  });

  it('begins at once, and again after OpenNebula did not answer', async () => {
    const agents = new FakeAgents();
    let asked = 0;
    const marked = Promise.withResolvers<void>();
    agents.behave = () => {
      marked.resolve();
      return { format: '', sizeBytes: 0, md5: '' };
    };
    const datastores = async (): Promise<readonly HostedDatastore[]> => {
      asked += 1;
      if (asked === 1) throw new StorageError('opennebula_unavailable', 'down');
      return [{ id: 107, driver: 'agent_local', hostNames: ['host01'] }];
    };
    make(datastores, agents, 1).start();
    await marked.promise;
    expect(asked).toBeGreaterThan(1);
  });

  it('does nothing when it is turned off, and nothing after the end', async () => {
    const agents = new FakeAgents();
    const datastores = async () => [{ id: 107, driver: 'agent_local', hostNames: ['host01'] }];
    make(datastores, agents, 0).start();
    const ended = make(datastores, agents);
    ended.stop();
    await expect(ended.markAll()).rejects.toMatchObject({ reason: 'cancelled' });
    expect(agents.calls).toEqual([]);
  });
});

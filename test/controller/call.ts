import { randomUUID } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { AgentCalls } from '../../controller/hosts/agent-calls.ts';
import { Actions } from '../../controller/operations/actions.ts';
import { Admission } from '../../controller/operations/admission.ts';
import type { ActionOutcome } from '../../controller/server/handler.ts';
import { createLogger } from '../../runtime/log.ts';
import { Operations } from '../../runtime/operations/operations.ts';
import type { ActionName } from '../../shims/actions.ts';
import {
  type FakeAgents,
  type FakeOpenNebula,
  type FakeServices,
  type FakeUserOrders,
  fakeServices,
  type SeenCall,
} from './fake-agents.ts';

export interface Bench {
  readonly agents: FakeAgents;
  readonly openNebula: FakeOpenNebula;
  readonly orders: FakeUserOrders;
  /** VMs whose next backup was made full. */
  readonly resets: readonly number[];
  readonly actions: Actions;
  readonly operations: Operations;
  readonly lines: string[];
  /** File of the journal. */
  readonly journal: string;
  /** A call as a shim makes it, on our drivers. */
  call(action: ActionName, argv: string, stdin?: string, key?: string, driver?: string): Promise<ActionOutcome>;
  /** `host method` of each call so far. */
  seen(): string[];
  request(method: string): SeenCall['request'];
  /** The same journal in a new controller, as after a restart. */
  restart(): Bench;
  close(): Promise<void>;
}

/** `agents`: real ones, in place of those that only remember what they were asked. */
export async function openBench(config: Record<string, unknown> = {}, agents?: AgentCalls): Promise<Bench> {
  const directory = await mkdtemp(join(tmpdir(), 'onestorage-actions-'));
  return assemble(directory, fakeServices(config), agents);
}

function assemble(directory: string, services: FakeServices, agents: AgentCalls = services.agents): Bench {
  const operations = new Operations({ file: join(directory, 'operations.db'), log: createLogger('test', 'silent') });
  const limits = { deploy: 15, move: 8, delete: 15, image: 15, backup: 4, per_host: {} };
  const actions = new Actions({ services: { ...services, agents }, operations, admission: new Admission(limits) });
  const lines: string[] = [];
  return {
    agents: services.agents,
    openNebula: services.openNebula,
    orders: services.orders,
    resets: services.resets,
    actions,
    operations,
    lines,
    journal: join(directory, 'operations.db'),
    call: (action, argv, stdin = '', key = randomUUID(), driver = action.startsWith('ds/') ? 'agent_fs' : 'agent_local') =>
      actions.run(
        {
          key,
          action,
          suffix: undefined,
          driver,
          argv: argv.split(' ').filter((word) => word !== ''),
          stdin,
        },
        { log: (level, text) => lines.push(`${level} ${text}`) },
      ),
    seen: () => services.agents.calls.map(({ host, method }) => `${host} ${method}`),
    request: (method) => {
      const found = services.agents.calls.find((one) => one.method === method);
      if (found === undefined) throw new Error(`${method} was not called`);
      return found.request;
    },
    restart: () => {
      operations.stop();
      return assemble(directory, services, agents);
    },
    close: async () => {
      await operations.drain(5000);
      operations.stop();
      await rm(directory, { recursive: true, force: true });
    },
  };
}

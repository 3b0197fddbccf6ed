import { pino } from 'pino';
import { type Channel, openChannel } from '../../runtime/channel.ts';
import type { Identity } from '../../runtime/identity/identity.ts';
import type { Implementation, Implementations } from '../../runtime/methods.ts';
import type { Rights } from '../../runtime/rights.ts';
import { type Service, startService } from '../../runtime/service.ts';
import { testIdentity } from '../helpers/pki.ts';

export const silent = pino({ level: 'silent' });

export const hostsOnly = (usage: Implementation<'Hosts'>['Usage']): Implementations => ({
  Hosts: {
    Describe: async () => ({ hostName: 'host01' }),
    Usage: usage,
    Check: async () => ({}),
    Stat: async () => ({}),
    DiskSizes: async () => undefined,
  },
});

export const RIGHTS: Rights = {
  'Hosts/Describe': ['controller', 'admin'],
  'Hosts/Usage': ['controller'],
  'Hosts/Check': ['controller'],
  'Hosts/Stat': ['controller'],
  'Hosts/DiskSizes': ['controller'],
  'Operations/List': ['controller', 'admin'],
  'Operations/Get': ['controller', 'admin'],
  'Operations/Watch': ['controller', 'admin'],
  'Operations/Cancel': ['controller'],
  'Transfers/Open': ['controller'],
  'Transfers/Receive': ['controller'],
  'Transfers/Fetch': ['agent'],
};

/** A service on a free port of the loopback with an agent's certificate, and channels to it; all closed together. */
export class TestService {
  readonly #channels: Channel[] = [];
  readonly service: Service;
  readonly address: string;

  constructor(service: Service) {
    this.service = service;
    this.address = `127.0.0.1:${service.port}`;
  }

  static async start(implementations: Implementations, identity?: Identity): Promise<TestService> {
    const agent = identity ?? (await testIdentity('agent', { hostName: 'host01', machineId: 'm1' }));
    return new TestService(await startService({ address: '127.0.0.1:0', identity: agent, implementations, rights: RIGHTS, log: silent }));
  }

  channel(identity: Identity, expect = { hostName: 'host01', machineId: 'm1' }): Channel {
    const channel = openChannel(this.address, identity, expect);
    this.#channels.push(channel);
    return channel;
  }

  stop(): void {
    for (const channel of this.#channels) channel.close();
    this.service.stop();
  }
}

import { describe, expect, it } from 'vitest';
import { controllerConfig } from '../../../controller/config.ts';
import { hostDirectory } from '../../../controller/hosts/directory.ts';

const directory = (values: Record<string, unknown>) => hostDirectory(controllerConfig.parse(values));

describe('hostDirectory', () => {
  it('finds the front-end by its names, in any case', () => {
    const hosts = directory({ front_end: { names: ['FrontEnd'], address: 'localhost:1', machine_id: 'm' } });
    expect(hosts.find('frontend')).toEqual(hosts.frontEnd);
    expect(hosts.find(undefined)).toEqual({ name: 'frontend', address: 'localhost:1', expect: { machineId: 'm' } });
  });

  it('tries unknown names at themselves, unless it must not', () => {
    expect(directory({}).find('node1')).toEqual({ name: 'node1', address: 'node1:2635', expect: { hostName: 'node1' } });
    expect(directory({ port: 7 }).find('fd00::1').address).toBe('[fd00::1]:7');
    expect(() => directory({ hosts_only: true }).find('node1')).toThrow('the host node1 is not in hosts of controller.yaml');
  });

  it('takes the configured address and machine', () => {
    const hosts = directory({ hosts: { node1: { address: '10.0.0.1:2700', machine_id: 'abc' } }, hosts_only: true });
    expect(hosts.find('NODE1')).toMatchObject({ address: '10.0.0.1:2700', expect: { machineId: 'abc' } });
  });

  it('refuses one machine at two addresses', () => {
    const hosts = (second: string) => ({
      node1: { address: '10.0.0.1:1', machine_id: 'abc' },
      node2: { address: second, machine_id: 'abc' },
    });
    expect(() => directory({ hosts: hosts('10.0.0.2:1') })).toThrow(
      'hosts.node1 (10.0.0.1:1) and hosts.node2 (10.0.0.2:1) have the same machine_id abc: each machine has its own',
    );
    expect(directory({ hosts: hosts('10.0.0.1:1') }).find('node2').address).toBe('10.0.0.1:1');
  });

  it('refuses what is no configuration', () => {
    expect(() => directory({ hosts: { node1: { address: 'nowhere' } } })).toThrow('not host:port');
    expect(() => directory({ socket: 'relative' })).toThrow('not an absolute path');
    expect(() => directory({ sockets: '/x' })).toThrow();
  });
});

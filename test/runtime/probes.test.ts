import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { ChannelCredentials, type Client, type ClientDuplexStream, makeGenericClientConstructor } from '@grpc/grpc-js';
import { loadSync } from '@grpc/proto-loader';
import { service as healthService, protoPath } from 'grpc-health-check';
import { afterEach, describe, expect, it } from 'vitest';
import { testIdentity } from '../helpers/pki.ts';
import { hostsOnly, TestService } from './echo.ts';

const cleanups: (() => unknown)[] = [];
afterEach(() => {
  for (const cleanup of cleanups.splice(0)) cleanup();
});

type ServiceDefinition = Parameters<typeof makeGenericClientConstructor>[0];

/** A client as grpcurl or a probe is one: with a certificate, without our channel. */
async function probe(definition: ServiceDefinition, address: string): Promise<Client> {
  const { authority, certificate, key } = await testIdentity('admin');
  const [ca, cert, secret] = [Buffer.from(authority), Buffer.from(certificate), Buffer.from(key)];
  const Probe = makeGenericClientConstructor(definition, 'probe');
  const client = new Probe(address, ChannelCredentials.createSsl(ca, secret, cert, { checkServerIdentity: () => undefined }), {
    'grpc.ssl_target_name_override': 'host01',
  });
  cleanups.push(() => client.close());
  return client;
}

async function startService(): Promise<string> {
  const running = await TestService.start(hostsOnly(async () => ({})));
  cleanups.push(() => running.stop());
  return running.address;
}

describe('a probe with the role admin', () => {
  it('may ask for health', async () => {
    expect(protoPath).toContain('health.proto');
    const client = await probe(healthService as ServiceDefinition, await startService());
    const answer = await new Promise((resolve, reject) => {
      const check: unknown = Reflect.get(client, 'Check');
      Reflect.apply(check as () => void, client, [
        { service: '' },
        (error: Error | null, response: unknown) => (error === null ? resolve(response) : reject(error)),
      ]);
    });
    expect(answer).toEqual({ status: 'SERVING' });
  });

  it('may ask which services there are', async () => {
    const folder = dirname(createRequire(import.meta.url).resolve('@grpc/reflection/package.json'));
    const definition = loadSync(join(folder, 'build/proto/grpc/reflection/v1/reflection.proto'), { oneofs: true });
    const reflection = definition['grpc.reflection.v1.ServerReflection'] as ServiceDefinition;
    const client = await probe(reflection, await startService());
    const call = Reflect.apply(Reflect.get(client, 'ServerReflectionInfo') as () => unknown, client, []) as ClientDuplexStream<
      unknown,
      object
    >;
    call.end({ listServices: '' });
    const names: unknown[] = [];
    for await (const answer of call) {
      const { listServicesResponse } = answer as { listServicesResponse: { service: { name: string }[] } };
      names.push(...listServicesResponse.service.map(({ name }) => name));
    }
    expect(names.sort()).toEqual(['grpc.health.v1.Health', 'onestorage.v1.Hosts']);
  });
});

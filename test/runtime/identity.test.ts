import { readFileSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { connect as connectPlain } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { connect as connectTls } from 'node:tls';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { type Channel, callUnary } from '../../runtime/channel.ts';
import { createAuthority, issueCertificate } from '../../runtime/identity/authority.ts';
import { type Identity, loadIdentity } from '../../runtime/identity/identity.ts';
import { testIdentity, testIdentityDirectory } from '../helpers/pki.ts';
import { hostsOnly, TestService } from './echo.ts';

const signal = new AbortController().signal;
const cleanups: (() => unknown)[] = [];
afterEach(async () => {
  for (const cleanup of cleanups.splice(0)) await cleanup();
});

async function start(identity?: Identity): Promise<TestService> {
  const service = await TestService.start(
    hostsOnly(async () => ({})),
    identity,
  );
  cleanups.push(() => service.stop());
  return service;
}

async function foreignIdentity(role: 'agent' | 'controller'): Promise<Identity> {
  const directory = await mkdtemp(join(tmpdir(), 'onestorage-foreign-'));
  cleanups.push(() => rm(directory, { recursive: true }));
  await createAuthority(directory);
  await issueCertificate(directory, { role, hostName: 'host01', machineId: 'm1' }, join(directory, 'out'));
  return await loadIdentity(join(directory, 'out'), role);
}

/** As it would be had it expired while the process ran: the texts of an expired certificate, past the check at the start. */
async function expiredIdentity(role: 'agent' | 'controller'): Promise<Identity> {
  const good = await testIdentity(role, { hostName: 'host01', machineId: 'm1' });
  const directory = await testIdentityDirectory(role, { hostName: 'host01', machineId: 'm1', days: -1 });
  const read = (name: string): string => readFileSync(join(directory, name), 'utf8');
  return { ...good, certificate: read('cert.pem'), key: read('key.pem') };
}

/** The first time the host may just have died; at the next attempt it is the certificate. */
async function cutOff(channel: Channel): Promise<void> {
  const message = expect.stringContaining('closed the connection: ');
  const call = (): Promise<unknown> => callUnary(channel.client('Hosts'), 'Describe', {}, { signal });
  await expect(call()).rejects.toMatchObject({ reason: 'unreachable', message });
  await vi.waitFor(() => expect(call()).rejects.toMatchObject({ reason: 'bad_identity', message }), { timeout: 30_000, interval: 100 });
}

describe('a caller', () => {
  it.each(['agent', 'admin'] as const)('with the role %s may not call what is the controller’s', async (role) => {
    const service = await start();
    const channel = service.channel(await testIdentity(role, { hostName: 'host02' }));
    await expect(callUnary(channel.client('Hosts'), 'Usage', {}, { signal })).rejects.toMatchObject({
      reason: 'forbidden',
      message: `the certificate of host02 has the role ${role}, which may not call Hosts/Usage`,
    });
  });

  it('with the role admin may look', async () => {
    const service = await start();
    const channel = service.channel(await testIdentity('admin'));
    expect(await callUnary(channel.client('Hosts'), 'Describe', {}, { signal })).toMatchObject({ hostName: 'host01' });
  });

  it('of a foreign authority is cut off, and no method is reached', async () => {
    const service = await start();
    const foreign = await foreignIdentity('controller');
    const { authority } = await testIdentity('controller');
    const channel = service.channel({ ...foreign, authority });
    await cutOff(channel);
  });

  it('whose certificate has expired is cut off', async () => {
    const service = await start();
    const channel = service.channel(await expiredIdentity('controller'));
    await cutOff(channel);
  });

  it('without certificate, or without TLS, gets no answer', async () => {
    const service = await start();
    const [host = '', port = ''] = service.address.split(':');
    const { authority } = await testIdentity('controller');
    const answers = async (socket: ReturnType<typeof connectPlain>): Promise<number> =>
      await new Promise((resolve) => {
        let received = 0;
        socket.on('data', (data: Buffer) => {
          received += data.length;
        });
        socket.on('error', () => undefined);
        socket.on('close', () => resolve(received));
        socket.write('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n');
      });
    expect(await answers(connectTls({ host, port: Number(port), ca: authority, servername: 'host01', ALPNProtocols: ['h2'] }))).toBe(0);
    // A TLS alert of 7 bytes may tell that this is no TLS; never a frame of HTTP/2.
    expect(await answers(connectPlain({ host, port: Number(port) }))).toBeLessThanOrEqual(7);
  });
});

describe('a server', () => {
  it.each([
    {
      what: 'the machine id',
      expected: { hostName: 'host01', machineId: 'm2' },
      text: 'its certificate is for the machine m1, expected m2',
    },
    { what: 'the host name', expected: { hostName: 'host07', machineId: 'm1' }, text: 'its certificate is for the host host01' },
  ])('is refused when $what differs', async ({ expected, text }) => {
    const service = await start();
    const channel = service.channel(await testIdentity('controller'), expected);
    await expect(callUnary(channel.client('Hosts'), 'Describe', {}, { signal })).rejects.toMatchObject({
      reason: 'bad_identity',
      message: `${expected.hostName} (${service.address}) is not the agent that was expected: ${text}`,
    });
  });

  it('is refused when it is no agent', async () => {
    const service = await start(await testIdentity('controller', { hostName: 'host01', machineId: 'm1' }));
    const channel = service.channel(await testIdentity('controller'));
    await expect(callUnary(channel.client('Hosts'), 'Describe', {}, { signal })).rejects.toMatchObject({
      reason: 'bad_identity',
      message: expect.stringContaining('has the role controller, not agent'),
    });
  });

  it.each([
    { what: 'is of a foreign authority', identity: () => foreignIdentity('agent') },
    { what: 'has expired', identity: () => expiredIdentity('agent') },
  ])('is refused when its certificate $what', async ({ identity }) => {
    const service = await start(await identity());
    const channel = service.channel(await testIdentity('controller'));
    await expect(callUnary(channel.client('Hosts'), 'Describe', {}, { signal })).rejects.toMatchObject({
      reason: 'bad_identity',
      message: expect.stringContaining('host01'),
    });
  });

  it('is known by the address too, and a host may be named by its address', async () => {
    const identity = await testIdentity('agent', { hostName: '10.0.0.7', machineId: 'm7' });
    const service = await start(identity);
    const channel = service.channel(await testIdentity('controller'), { hostName: '10.0.0.7', machineId: 'm7' });
    expect(await callUnary(channel.client('Hosts'), 'Describe', {}, { signal })).toMatchObject({ hostName: 'host01' });
  });
});

import { execFile } from 'node:child_process';
import { X509Certificate } from 'node:crypto';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import fc from 'fast-check';
import { afterEach, describe, expect, it } from 'vitest';
import type { UsageResponse__Output } from '../../proto/gen/onestorage/v1/UsageResponse.ts';
import { callStream, callUnary } from '../../runtime/channel.ts';
import { createAuthority, renewCertificate } from '../../runtime/identity/authority.ts';
import { loadIdentity } from '../../runtime/identity/identity.ts';
import { isDue } from '../../runtime/identity/renewal.ts';
import { encodeNumber, installRevocations, plainSerial, readRevocations } from '../../runtime/identity/revocation.ts';
import { revokeSerials } from '../../runtime/identity/revoke.ts';
import { testAuthority, testIdentity } from '../helpers/pki.ts';
import { hostsOnly, TestService } from './echo.ts';

const execute = promisify(execFile);
const never = new AbortController().signal;
const running: TestService[] = [];
const made: string[] = [];
afterEach(() => {
  for (const service of running.splice(0)) service.stop();
  for (const directory of made.splice(0)) rmSync(directory, { recursive: true, force: true });
});

async function start(...words: Parameters<typeof TestService.start>): Promise<TestService> {
  const service = await TestService.start(...words);
  running.push(service);
  return service;
}

const serialOf = (pem: string): string => plainSerial(new X509Certificate(pem).serialNumber);

async function ownAuthority(): Promise<string> {
  const directory = mkdtempSync(join(tmpdir(), 'onestorage-crl-'));
  made.push(directory);
  await createAuthority(join(directory, 'ca'));
  return join(directory, 'ca');
}

describe('a revocation list', () => {
  it('grows, is signed, and never forgets', async () => {
    const authority = await ownAuthority();
    const ca = await readFile(join(authority, 'ca.pem'), 'utf8');
    const first = await revokeSerials(authority, ['00ab', 'FF01']);
    expect(await readRevocations(first, ca)).toEqual({ number: 1, serials: new Set(['AB', 'FF01']) });
    expect(await revokeSerials(authority, ['AB'])).toBe(first);
    const second = await revokeSerials(authority, ['7']);
    expect(await readRevocations(second, ca)).toEqual({ number: 2, serials: new Set(['AB', 'FF01', '7']) });
    await expect(readRevocations(second, await readFile(join(await ownAuthority(), 'ca.pem'), 'utf8'))).rejects.toMatchObject({
      reason: 'bad_identity',
    });
    await expect(readRevocations(second.replace(/[A-Z]{4}/, 'AAAA'), ca)).rejects.toMatchObject({ reason: 'bad_identity' });
    await expect(revokeSerials(authority, ['x'])).rejects.toMatchObject({ reason: 'bad_argument' });
  });

  it('loses nothing when several processes write it at once', async () => {
    const authority = await ownAuthority();
    const words = ['A1', 'A2', 'A3', 'A4'];
    const program = join(import.meta.dirname, '../../packaging/onestorage');
    // Nobody listens on the socket: the agents are not told, and that is said.
    const revoke = (serial: string) => execute(program, ['pki', 'revoke', authority, '--serial', serial, '--socket', '/nowhere']);
    await Promise.all([...words.map(revoke), ...['B1', 'B2'].map((serial) => revokeSerials(authority, [serial]))]);
    const [list, ca] = await Promise.all(['crl.pem', 'ca.pem'].map((name) => readFile(join(authority, name), 'utf8')));
    expect(await readRevocations(list ?? '', ca ?? '')).toEqual({ number: 6, serials: new Set([...words, 'B1', 'B2']) });
  });

  it('numbers itself as DER does', () => {
    expect([...encodeNumber(127)]).toEqual([2, 1, 127]);
    expect([...encodeNumber(128)]).toEqual([2, 2, 0, 128]);
    fc.assert(fc.property(fc.nat(), (number) => Number(`0x${Buffer.from(encodeNumber(number).subarray(2)).toString('hex')}`) === number));
  });
});

describe('a certificate that is revoked', () => {
  it('ends what its holder has under way, and its next call is refused', async () => {
    const server = await testIdentity('agent', { hostName: 'host01', machineId: 'm1' });
    const ended = Promise.withResolvers<unknown>();
    const entered = Promise.withResolvers<void>();
    const waiting = {
      Operations: {
        List: async () => ({ operations: [] }),
        Get: async () => ({}),
        Cancel: async () => ({ cancelling: true }),
        Watch: async (_request: unknown, { signal }: { readonly signal: AbortSignal }) => {
          entered.resolve();
          await once(signal, 'abort');
          ended.resolve(signal.reason);
          throw signal.reason;
        },
      },
    };
    const service = await start(waiting, server);
    const [bad, good] = [await testIdentity('controller', { hostName: 'bad' }), await testIdentity('controller', { hostName: 'good' })];
    const [one, other] = [service.channel(bad), service.channel(good)];
    const stream = callStream(one.client('Operations'), 'Watch', { operationId: 'x' }, { signal: never });
    const failed = expect(stream.next()).rejects.toMatchObject({ reason: expect.stringMatching(/unreachable|interrupted/) });
    await entered.promise;
    expect(await callUnary(other.client('Operations'), 'List', {}, { signal: never })).toBeDefined();
    await installRevocations(server, await revokeSerials(await testAuthority(), [serialOf(bad.certificate)]));
    await failed;
    expect(await ended.promise).toMatchObject({ reason: 'cancelled' });
    await expect(callUnary(one.client('Operations'), 'List', {}, { signal: never })).rejects.toMatchObject({
      reason: 'bad_identity',
      message: 'the certificate of bad was revoked',
    });
    expect(await callUnary(other.client('Operations'), 'List', {}, { signal: never })).toBeDefined();
  });

  it('is not accepted from a server either: calls under way end, new ones are refused', async () => {
    const server = await testIdentity('agent', { hostName: 'host01', machineId: 'm1' });
    const entered = Promise.withResolvers<void>();
    const service = await start(
      hostsOnly(async (_request, { signal }) => {
        entered.resolve();
        await once(signal, 'abort');
        throw signal.reason;
      }),
      server,
    );
    const client = await testIdentity('controller');
    const channel = service.channel(client);
    const call = callUnary(channel.client('Hosts'), 'Usage', {}, { signal: never });
    const failed = expect(call).rejects.toMatchObject({ reason: 'bad_identity', message: expect.stringContaining('was revoked') });
    await entered.promise;
    await installRevocations(client, await revokeSerials(await testAuthority(), [serialOf(server.certificate)]));
    await failed;
    expect(channel.isRevoked).toBe(true);
    await expect(callUnary(channel.client('Hosts'), 'Usage', {}, { signal: never })).rejects.toMatchObject({ reason: 'bad_identity' });
    const fresh = service.channel(client);
    await expect(callUnary(fresh.client('Hosts'), 'Usage', {}, { signal: never })).rejects.toThrow('was revoked');
  });
});

describe('a renewed certificate', () => {
  it('is shown by a running service to new connections, and disturbs none that are there', async () => {
    const identity = await testIdentity('agent', { hostName: 'host01', machineId: 'm1', days: 10 });
    const release = Promise.withResolvers<void>();
    const service = await start(
      hostsOnly(async (request) => {
        if (request.datastoreId === 1) await release.promise;
        return { usedBytes: request.datastoreId };
      }),
      identity,
    );
    const client = await testIdentity('controller');
    const old = service.channel(client);
    const slow: Promise<UsageResponse__Output> = callUnary(old.client('Hosts'), 'Usage', { datastoreId: 1 }, { signal: never });
    await renewCertificate(await testAuthority(), identity.directory, 20);
    const renewed = await loadIdentity(identity.directory, 'agent', identity.revocations);
    service.service.reload(renewed);
    // What is revoked shows which one a new connection sees.
    await installRevocations(client, await revokeSerials(await testAuthority(), [serialOf(renewed.certificate)]));
    const fresh = service.channel(client);
    await expect(callUnary(fresh.client('Hosts'), 'Usage', { datastoreId: 2 }, { signal: never })).rejects.toThrow('was revoked');
    release.resolve();
    expect((await slow).usedBytes).toBe(1);
  });

  it('is due when a third of its time is left', () => {
    const [notBefore, notAfter] = [new Date(0), new Date(90)];
    expect([59, 60, 61, 91].map((now) => isDue({ notBefore, notAfter }, now))).toEqual([false, false, true, true]);
  });
});

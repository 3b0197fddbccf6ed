import { connect as connectPlain } from 'node:net';
import path from 'node:path';
import { type ConnectionOptions, connect as connectTls } from 'node:tls';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { RIGHTS } from '../../agent/rights.ts';
import { callUnary, openChannel, openDuplex } from '../../runtime/channel.ts';
import { StorageError } from '../../runtime/errors.ts';
import { createAuthority, issueCertificate } from '../../runtime/identity/authority.ts';
import { type Identity, loadIdentity, type Role } from '../../runtime/identity/identity.ts';
import type { ServiceName } from '../../runtime/proto.ts';
import { type FaultSite, startFaultSite } from './fault-site.ts';
import { treesOf } from './tree.ts';

/** Who is not the controller: refused, and nothing changes. */

let site: FaultSite;
const identities = new Map<string, Identity>();

beforeAll(async () => {
  site = await startFaultSite();
  const at = (name: string) => path.join(site.cluster.site.directory, name);
  await createAuthority(at('foreign-authority'));
  await issueCertificate(at('foreign-authority'), { role: 'controller', hostName: 'frontend' }, at('foreign'));
  const admin = await loadIdentity(site.cluster.site.adminPki, 'admin');
  identities.set('admin', admin);
  // It trusts the servers of this site; they must not trust it.
  identities.set('foreign', { ...(await loadIdentity(at('foreign'), 'controller')), authority: admin.authority });
  identities.set('agent', await loadIdentity(site.cluster.agent('host02').pki, 'agent'));
});

afterAll(async () => {
  await site?.stop();
});

function identity(name: string): Identity {
  const found = identities.get(name);
  if (found === undefined) throw new Error(`no identity ${name}`);
  return found;
}

/** What the server of host01 does to a connection: everything it sent, up to the end of the connection. */
function talk(options: ConnectionOptions | undefined, request: string): Promise<string> {
  const [host = '', port = ''] = site.cluster.agent('host01').address.split(':');
  return new Promise((resolve) => {
    const to = { host, port: Number(port) };
    const socket =
      options === undefined ? connectPlain(to) : connectTls({ ...to, rejectUnauthorized: false, ALPNProtocols: ['h2'], ...options });
    let text = '';
    socket.on('data', (data) => {
      text += data.toString('latin1');
    });
    socket.on('error', () => undefined); // the end comes with close
    socket.on('close', () => resolve(text));
    socket.write(request);
  });
}

/** The first bytes of HTTP/2, with empty settings. */
const HTTP2 = 'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0';

describe('a connection', () => {
  it('without TLS is closed without an answer', async () => {
    expect(await talk(undefined, 'GET / HTTP/1.1\r\n\r\n')).not.toMatch(/HTTP|onestorage/);
    expect(await talk(undefined, HTTP2)).not.toMatch(/HTTP|onestorage/);
  });

  it('without a certificate is closed without an answer', async () => {
    expect(await talk({}, HTTP2)).toBe('');
  });

  it('with a certificate of a foreign authority is closed without an answer', async () => {
    const { certificate, key } = identity('foreign');
    expect(await talk({ cert: certificate, key }, HTTP2)).toBe('');
  });
});

/** Calls a method of host01 with an empty request. */
async function call(who: Identity, method: string): Promise<StorageError | undefined> {
  const [service = '', name = ''] = method.split('/');
  const channel = openChannel(site.cluster.agent('host01').address, who, { hostName: 'host01' });
  try {
    // A stream is refused as a unary call is: by its status, before a handler sees it.
    const client = channel.client(service as ServiceName);
    const { requestStream, responseStream } = methodOf(client, name);
    if (!requestStream && !responseStream)
      await callUnary(client as never, name as never, {} as never, { signal: AbortSignal.timeout(20_000) });
    else await streamed(client, name, requestStream);
    return undefined;
  } catch (thrown) {
    if (thrown instanceof StorageError) return thrown;
    const reason = Reflect.get(Object(thrown), 'metadata')?.get('onestorage-reason')?.[0];
    return new StorageError(reason ?? 'internal', String(Reflect.get(Object(thrown), 'details')));
  } finally {
    channel.close();
  }
}

function methodOf(client: object, name: string): { requestStream: boolean; responseStream: boolean } {
  return Reflect.get(Object.getPrototypeOf(client), name);
}

function streamed(client: object, name: string, requestStream: boolean): Promise<void> {
  const stream = Reflect.apply(Reflect.get(client, name), client, requestStream ? [] : [{}]);
  return new Promise((resolve, reject) => {
    stream.on('error', reject);
    stream.on('data', () => undefined);
    stream.on('end', resolve);
    if (requestStream) stream.end();
  });
}

describe('a certificate of ours', () => {
  const methods = (role: Role) =>
    Object.entries(RIGHTS)
      .filter(([, roles]) => !(roles as readonly Role[]).includes(role))
      .map(([method]) => method);

  it.each(methods('admin'))('of an admin may not call %s', async (method) => {
    expect(await call(identity('admin'), method)).toMatchObject({ reason: 'forbidden', message: expect.stringContaining('admin') });
  });

  it.each(methods('agent'))('of an agent may not call %s', async (method) => {
    expect(await call(identity('agent'), method)).toMatchObject({ reason: 'forbidden', message: expect.stringContaining('agent') });
  });

  it('of an agent fetches nothing with a right it made itself', async () => {
    const channel = openChannel(site.cluster.agent('frontend').address, identity('agent'), { hostName: 'frontend' });
    const stream = await openDuplex(channel.client('Transfers'), 'Fetch', { signal: AbortSignal.timeout(20_000) });
    const place = { datastoreId: 106, path: 'image' };
    await stream.send({ begin: { capability: Buffer.from('{}').toString('base64'), bytesPerSecond: 0, target: place, stage: place } });
    await expect(stream.messages.next()).rejects.toMatchObject({ reason: 'forbidden' });
    channel.close();
  });

  it('of an admin may look', async () => {
    expect(await call(identity('admin'), 'Hosts/Describe')).toBeUndefined();
  });

  it('of a stranger reaches no method at all, and is told why', async () => {
    const failure = await call(identity('foreign'), 'Hosts/Describe');
    expect(['bad_identity', 'unreachable']).toContain(failure?.reason);
    expect(failure?.message).toMatch(/^host01 .*certificate/);
  });
});

it('nobody has changed anything', async () => {
  const tree = await treesOf(site.cluster);
  expect(tree.filter((entry) => !/: (106\/|107\/)(image file .*|\.monitor file .*)?$/.test(entry))).toEqual([]);
  expect(await site.cluster.operations()).toEqual([]);
});

import { X509Certificate } from 'node:crypto';
import { existsSync, mkdtempSync, readFileSync, rmSync, statSync } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { callEnrolment } from '../../../agent/enrolment/call.ts';
import { joinSite } from '../../../agent/enrolment/join.ts';
import { fetchRevocations, renewIdentity } from '../../../agent/enrolment/renew.ts';
import { controllerConfig } from '../../../controller/config.ts';
import { Enrolment } from '../../../controller/enrolment/enrolment.ts';
import { type EnrolmentServer, startEnrolmentServer } from '../../../controller/enrolment/server.ts';
import { EnrolmentStore } from '../../../controller/enrolment/store.ts';
import { Issued } from '../../../runtime/enrolment/messages.ts';
import { decodeToken, encodeToken } from '../../../runtime/enrolment/token.ts';
import { createAuthority, issueCertificate } from '../../../runtime/identity/authority.ts';
import { loadIdentity } from '../../../runtime/identity/identity.ts';
import { createRequest } from '../../../runtime/identity/request.ts';
import { revokeSerials } from '../../../runtime/identity/revoke.ts';
import { createLogger } from '../../../runtime/log.ts';

/** The controller's end and the host's end, over real TLS. */

const MACHINE = 'a'.repeat(32);
const log = createLogger('controller', 'silent');
const { signal } = new AbortController();

let root: string;
let authority: string;
let server: EnrolmentServer;
let enrolment: Enrolment;
let audited: unknown[];

const at = (...names: readonly string[]): string => join(root, ...names);

async function open(more: Record<string, unknown> = {}, port = 0): Promise<void> {
  const identity = await loadIdentity(at('controller'), 'controller');
  const config = controllerConfig.parse({ enrolment: { authority, listen: `127.0.0.1:${port}`, ...more } });
  const store = await EnrolmentStore.open(at('state'));
  audited = [];
  enrolment = new Enrolment({ config, identity, store, audit: { append: (entry) => audited.push(entry) } });
  server = await startEnrolmentServer(config.enrolment.listen, identity, enrolment, log);
  // The port is known only now.
  Object.assign(config.enrolment, { advertise: `127.0.0.1:${server.port}` });
}

beforeEach(async () => {
  root = mkdtempSync(join(tmpdir(), 'onestorage-enrolment-'));
  authority = at('authority');
  await createAuthority(authority);
  await issueCertificate(authority, { role: 'controller', hostName: 'frontend' }, at('controller'));
  await open();
});
afterEach(async () => {
  vi.useRealTimers();
  await server.stop();
  rmSync(root, { recursive: true, force: true });
});

const add = async (name = 'host01', more: object = {}) => (await enrolment.add({ name, replace: false, ...more })).token;
const enter = (token: string, directory = 'host01', machineId = MACHINE) =>
  joinSite({ token, directory: at(directory), machineId, signal });

describe('a host that joins', () => {
  it('has a certificate for the name it was added with, and a key that only it has', async () => {
    const token = await add('host01', { address: '127.0.0.1:2700' });
    const { identity, skew } = await enter(token);
    expect(identity).toMatchObject({ role: 'agent', hostName: 'host01', machineId: MACHINE });
    expect(skew).toBeUndefined();
    expect(statSync(at('host01/key.pem')).mode & 0o777).toBe(0o600);
    const leaf = new X509Certificate(readFileSync(at('host01/cert.pem')));
    expect(leaf.checkIP('127.0.0.1')).toBe('127.0.0.1');
    expect(leaf.ca).toBe(false);
    expect(JSON.parse(readFileSync(at('host01/enrolment.json'), 'utf8'))).toEqual({ endpoint: `127.0.0.1:${server.port}` });
    expect(enrolment.hosts).toMatchObject([{ name: 'host01', address: '127.0.0.1:2700', machineId: MACHINE }]);
    // Whoever reads the controller's files learns neither the secret nor the key.
    const files = readFileSync(at('state/enrolment.json'), 'utf8') + JSON.stringify(audited);
    expect(files).not.toContain(decodeToken(token).secret);
    expect(statSync(at('state/enrolment.json')).mode & 0o777).toBe(0o600);
    expect(audited).toMatchObject([{ action: 'add' }, { action: 'join', host: 'host01', machine: MACHINE }]);
  });

  it('may ask again with its token and its key, and nobody else may', async () => {
    const token = await add();
    await enter(token);
    rmSync(at('host01/cert.pem'));
    expect((await enter(token)).identity.hostName).toBe('host01');
    await expect(enter(token, 'thief', 'b'.repeat(32))).rejects.toMatchObject({
      reason: 'forbidden',
      message: expect.stringContaining('it was used already'),
    });
    expect(existsSync(at('thief/cert.pem'))).toBe(false);
    // Not after a restart of the controller either.
    const { port } = server;
    await server.stop();
    await open({}, port);
    await expect(enter(token, 'thief', 'b'.repeat(32))).rejects.toThrow('it was used already');
  });

  it('is refused with a token that is old, made up, of another machine or of another authority', async () => {
    const token = await add('host01', { machineId: MACHINE });
    await expect(enter(token, 'x', 'c'.repeat(32))).rejects.toThrow(`it is for the machine ${MACHINE}`);
    const parts = decodeToken(token);
    await expect(enter(encodeToken({ ...parts, secret: 'x'.repeat(43) }))).rejects.toMatchObject({ reason: 'forbidden' });
    await expect(enter(encodeToken({ ...parts, hostName: 'host02' }))).rejects.toMatchObject({ reason: 'forbidden' });
    await expect(enter(encodeToken({ ...parts, authority: '0'.repeat(64) }))).rejects.toMatchObject({
      reason: 'bad_identity',
      message: 'the controller is not of the authority that the token names: was the token made on this front-end?',
    });
    await expect(enter(token.slice(0, -3))).rejects.toThrow('this is no token of onestorage host add');
    await expect(enter('onestorage1-e30')).rejects.toThrow('this is no token');
    await expect(enter(encodeToken({ ...parts, endpoint: '127.0.0.1:1' }))).rejects.toMatchObject({
      reason: 'unreachable',
      message: 'the controller at 127.0.0.1:1 cannot be reached: connection refused',
    });
    // A second token ends the first.
    const second = await add('host01');
    await expect(enter(token)).rejects.toMatchObject({ reason: 'forbidden' });
    expect((await enter(second)).identity.hostName).toBe('host01');
    await server.stop();
    await open({ token_minutes: 0.01 });
    const short = await add('host02');
    vi.useFakeTimers({ toFake: ['Date'], now: Date.now() + 60_000 });
    await expect(enter(short, 'host02', 'd'.repeat(32))).rejects.toThrow(
      'it has expired; make a new one on the front-end: onestorage host add',
    );
  });

  it('is told when its clock is wrong, and keeps its token', async () => {
    const token = await add();
    const request = await createRequest(at('host01'), 'host01');
    const { endpoint, authority: fingerprint, secret } = decodeToken(token);
    const body = (clock: number) => ({ hostName: 'host01', machineId: MACHINE, secret, request, clock });
    await expect(callEnrolment(endpoint, { fingerprint }, '/v1/join', body(Date.now() - 3_600_000), Issued, signal)).rejects.toMatchObject({
      reason: 'bad_identity',
      message: expect.stringMatching(/^the clock of host01 is 1h\S* behind that of the front-end: set the clocks/),
    });
    expect((await enter(token)).identity.hostName).toBe('host01');
  });

  it('does not trust another daemon of the same authority as the controller', async () => {
    await issueCertificate(authority, { role: 'agent', hostName: 'evil', machineId: 'e'.repeat(32) }, at('evil'));
    const impostor = await startEnrolmentServer('127.0.0.1:0', await loadIdentity(at('evil'), 'agent'), enrolment, log);
    const token = encodeToken({ ...decodeToken(await add()), endpoint: `127.0.0.1:${impostor.port}` });
    await expect(enter(token)).rejects.toThrow('evil answers there, and is no controller');
    await impostor.stop();
  });

  it('that has joined is not added again by mistake; made anew, its old certificate is revoked', async () => {
    await enter(await add());
    const old = await loadIdentity(at('host01'), 'agent');
    await expect(add()).rejects.toMatchObject({ reason: 'already_exists', message: expect.stringContaining('--replace') });
    await expect(add('host02').then((token) => enter(token, 'host02'))).rejects.toThrow(
      `the machine id ${MACHINE} is that of host01 already`,
    );
    await enter(await add('host01', { replace: true }), 'anew', 'f'.repeat(32));
    expect(enrolment.hosts.find(({ name }) => name === 'host01')).toMatchObject({ machineId: 'f'.repeat(32) });
    await expect(renewIdentity(old, log, signal)).rejects.toThrow('the certificate of host01 was revoked');
    await expect(add('a b')).rejects.toMatchObject({ reason: 'bad_argument' });
  });
});

describe('a host that has joined', () => {
  it('is renewed over its own certificate, with the same key, subject and addresses', async () => {
    await enter(await add('host01', { address: '127.0.0.1:2700' }));
    const before = await loadIdentity(at('host01'), 'agent');
    const after = await renewIdentity(before, log, signal);
    expect(after.certificate).not.toBe(before.certificate);
    expect(after).toMatchObject({ key: before.key, hostName: 'host01', machineId: MACHINE });
    expect(after.revocations).toBe(before.revocations);
    expect(new X509Certificate(after.certificate).subjectAltName).toBe(new X509Certificate(before.certificate).subjectAltName);
    expect(enrolment.hosts[0]?.serials).toHaveLength(2);
    // Not for another key, not for another role, not without a certificate.
    const body = async (directory: string) => ({ request: await createRequest(at(directory), 'host01'), clock: Date.now() });
    const endpoint = `127.0.0.1:${server.port}`;
    await expect(callEnrolment(endpoint, after, '/v1/renew', await body('other'), Issued, signal)).rejects.toMatchObject({
      reason: 'forbidden',
    });
    const admin = await loadIdentity(at('controller'), 'controller');
    await expect(callEnrolment(endpoint, admin, '/v1/renew', await body('controller'), Issued, signal)).rejects.toThrow(
      'only agents are renewed here',
    );
    const fingerprint = decodeToken(await add('host09')).authority;
    await expect(callEnrolment(endpoint, { fingerprint }, '/v1/renew', await body('host01'), Issued, signal)).rejects.toThrow(
      'showed no certificate',
    );
    await expect(callEnrolment(endpoint, after, '/v1/else', {}, Issued, signal)).rejects.toMatchObject({ reason: 'not_found' });
    await expect(callEnrolment(endpoint, after, '/v1/renew', { x: 1 }, Issued, signal)).rejects.toThrow('cannot be used: request');
    await expect(callEnrolment(endpoint, after, '/v1/renew', { x: 'y'.repeat(70_000) }, Issued, signal)).rejects.toMatchObject({
      reason: 'too_big',
    });
  });

  it('is trusted no more when it is revoked, and learns of others that are', async () => {
    await enter(await add('host01'), 'host01', 'a'.repeat(32));
    await enter(await add('host02'), 'host02', 'b'.repeat(32));
    const [one, two] = [await loadIdentity(at('host01'), 'agent'), await loadIdentity(at('host02'), 'agent')];
    await renewIdentity(one, log, signal);
    await enrolment.revoke('host01');
    // Both that it was given.
    expect(enrolment.hosts[0]?.serials.every(({ serial }) => one.revocations.has(serial))).toBe(false);
    await fetchRevocations(two, signal);
    expect(enrolment.hosts[0]?.serials.map(({ serial }) => two.revocations.has(serial))).toEqual([true, true]);
    expect(two.revocations.number).toBe(1);
    await expect(renewIdentity(one, log, signal)).rejects.toMatchObject({ reason: 'bad_identity' });
    // After a restart too.
    expect((await loadIdentity(at('host02'), 'agent')).revocations.serials).toEqual(two.revocations.serials);
    // One that was issued by hand and renewed since goes as a whole, whichever of its serial numbers is named.
    await issueCertificate(authority, { role: 'agent', hostName: 'byhand', machineId: '9'.repeat(32) }, at('byhand'));
    await writeFile(at('byhand/enrolment.json'), readFileSync(at('host02/enrolment.json')));
    const first = await loadIdentity(at('byhand'), 'agent');
    const second = await renewIdentity(first, log, signal);
    await revokeSerials(authority, [new X509Certificate(first.certificate).serialNumber]);
    await enrolment.revocations();
    await fetchRevocations(two, signal);
    expect(two.revocations.has(new X509Certificate(second.certificate).serialNumber)).toBe(true);
    await writeFile(at('host02/crl.pem'), 'nothing\n');
    await expect(loadIdentity(at('host02'), 'agent')).rejects.toThrow('crl.pem is no revocation list of ca.pem beside it');
    await expect(enrolment.revoke('host07')).rejects.toMatchObject({ reason: 'not_found' });
    // It may come back, with a new token and a new certificate.
    const back = await enter(await add('host01'), 'host01', 'a'.repeat(32));
    expect(back.identity.revocations.has(new X509Certificate(back.identity.certificate).serialNumber)).toBe(false);
  });
});

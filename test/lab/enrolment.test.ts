import { execFile } from 'node:child_process';
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { connect } from 'node:net';
import os from 'node:os';
import path from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { connect as connectTls, type PeerCertificate } from 'node:tls';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { stringify } from 'yaml';
import { callUnary, openChannel } from '../../runtime/channel.ts';
import { createAuthority } from '../../runtime/identity/authority.ts';
import { loadIdentity } from '../../runtime/identity/identity.ts';
import { type Cluster, startCluster } from './cluster.ts';
import { type PortBlock, reservePorts } from './ports.ts';
import { Daemon } from './process.ts';

/** A fourth host joins a running site, is renewed while it runs, and is revoked: real daemons, real TLS. */

const ONESTORAGE = path.join(import.meta.dirname, '../../packaging/onestorage');
const execute = promisify(execFile);
const MACHINE = 'f'.repeat(32);
const never = new AbortController().signal;

let cluster: Cluster;
let ports: PortBlock;
let host: Daemon | undefined;
let enrolmentPort: number;
let address: string;
const at = (...names: readonly string[]) => path.join(cluster.site.directory, 'host03', ...names);

beforeAll(async () => {
  ports = await reservePorts(2);
  [enrolmentPort = 0] = ports.control;
  address = `127.0.0.1:${ports.control[1] ?? 0}`;
  cluster = await startCluster({ agentOptions: { renewal_check_seconds: 1 } });
  const authority = path.join(cluster.site.directory, 'pki/authority');
  const config = await readFile(cluster.site.controller.config, 'utf8');
  // Made valid five minutes into the past, a certificate of 160 s has a third of its time left after 7 s.
  const enrolment = {
    authority,
    listen: `127.0.0.1:${enrolmentPort}`,
    advertise: `127.0.0.1:${enrolmentPort}`,
    certificate_days: 160 / 86_400,
  };
  await writeFile(cluster.site.controller.config, `${config}${stringify({ enrolment })}`);
  await cluster.controller.restart();
}, 180_000);

afterAll(async () => {
  await host?.stop();
  await cluster?.stop();
  await ports?.release();
});

async function run(...words: readonly string[]): Promise<{ status: number; out: string; err: string }> {
  try {
    const { stdout, stderr } = await execute(ONESTORAGE, words);
    return { status: 0, out: stdout, err: stderr };
  } catch (thrown) {
    const { code, stdout, stderr } = thrown as { code: number; stdout: string; stderr: string };
    return { status: code, out: stdout, err: stderr };
  }
}

const ask = (...words: readonly string[]) => run(...words, '--socket', cluster.site.socket);

async function until<T>(what: string, look: () => Promise<T | undefined>): Promise<T> {
  for (const end = Date.now() + 240_000; Date.now() < end; await delay(250)) {
    const found = await look().catch(() => undefined);
    if (found !== undefined) return found;
  }
  throw new Error(`${what} did not come about:\n${cluster.logs()}`);
}

function agentOf(directory: string): Daemon {
  const environment = { PATH: process.env['PATH'] ?? '', HOME: cluster.site.home, XDG_CACHE_HOME: path.join(os.homedir(), '.cache') };
  return new Daemon({
    name: 'host03',
    program: ONESTORAGE,
    argv: ['agent', '--config', path.join(directory, 'agent.yaml')],
    environment,
    logFile: path.join(cluster.site.directory, 'log/host03.log'),
    ready: /"msg":"agent ready"/,
  });
}

async function configure(directory: string): Promise<void> {
  await mkdir(path.join(directory, 'datastores'), { recursive: true });
  const config = {
    pki: path.join(directory, 'pki'),
    listen: address,
    advertise: address,
    datastores: path.join(directory, 'datastores'),
    vm_files: path.join(directory, 'vms'),
    state_directory: path.join(directory, 'state'),
    socket: path.join(cluster.site.directory, 'host03.sock'),
    data_ports: ports.data[1],
    metrics: 'off',
    renewal_check_seconds: 1,
  };
  await writeFile(path.join(directory, 'agent.yaml'), stringify(config));
}

/** The certificate that a new connection to the host is shown. */
async function shown(): Promise<PeerCertificate> {
  const { certificate, key, authority } = await loadIdentity(cluster.agent('host01').pki, 'agent');
  const [, port = ''] = address.split(':');
  const options = {
    host: '127.0.0.1',
    port: Number(port),
    cert: certificate,
    key,
    ca: authority,
    servername: 'localhost',
    ALPNProtocols: ['h2'],
  };
  return await new Promise((resolve, reject) => {
    const socket = connectTls(options, () => {
      resolve(socket.getPeerCertificate());
      socket.destroy();
    });
    socket.once('error', reject);
  });
}

interface Listed {
  readonly name: string;
  readonly agent?: { readonly hostName: string; readonly machineId: string; readonly certificateNotAfter: number };
  readonly failure?: { readonly message: string };
}
const hosts = async (): Promise<readonly Listed[]> => JSON.parse((await ask('hosts', '--json')).out) as readonly Listed[];
const third = async (): Promise<Listed | undefined> => (await hosts()).find(({ name }) => name === 'host03');

describe('a host', { timeout: 500_000 }, () => {
  it('joins with one word, and is a host of the running site', async () => {
    const added = await ask('host', 'add', 'host03', '--address', address);
    expect(added).toMatchObject({ status: 0, err: '' });
    const token = /onestorage agent join (\S+)/.exec(added.out)?.[1] ?? '';
    expect((await ask('host', 'list')).out).toMatch(/host03 +127\.0\.0\.1:\d+ +- +- +to join/);
    const joined = await run('agent', 'join', token, '--pki', at('pki'), '--machine-id', MACHINE, '--owner-of', os.tmpdir());
    expect(joined).toMatchObject({ status: 0, err: '' });
    expect(joined.out).toContain(`this host is host03, machine ${MACHINE}`);
    expect(await readFile(at('agent.yaml'), 'utf8')).toContain(`pki: ${at('pki')}`);
    expect((await run('agent', 'join', token, '--pki', at('other'), '--machine-id', 'e'.repeat(32))).err).toMatch(
      /^onestorage: the token is not good: it was used already/,
    );
    await configure(at());
    host = agentOf(at());
    await host.start();
    expect(await third()).toMatchObject({ agent: { hostName: 'host03', machineId: MACHINE } });
    expect((await ask('host', 'list')).out).toMatch(/host03 .* joined/);
    const audit = await readFile(path.join(cluster.site.controller.stateDirectory, 'audit.log'), 'utf8');
    expect(audit).toMatch(/"event":"host","action":"join","host":"host03"/);
  });

  it('has its certificate renewed while it runs, and shows the new one without a restart', async () => {
    const { pid } = host ?? {};
    const first = (await third())?.agent?.certificateNotAfter ?? 0;
    const later = await until('a renewal', async () => {
      const found = (await third())?.agent?.certificateNotAfter ?? 0;
      return found > first ? found : undefined;
    });
    // A new connection is shown the new one, and the old connection of the controller goes on.
    expect(Date.parse((await shown()).valid_to)).toBe(later);
    expect(await third()).toMatchObject({ agent: { machineId: MACHINE } });
    expect(later).toBeGreaterThan(first);
    expect(host?.pid).toBe(pid);
  });

  it('is trusted by nobody any more once it is revoked, at once', async () => {
    const thief = await loadIdentity(at('pki'), 'agent');
    const target = cluster.agent('host01');
    const call = () =>
      callUnary(openChannel(target.address, thief, { hostName: 'host01' }).client('Operations'), 'List', {}, { signal: never });
    // Known, but an agent may not list operations.
    await expect(call()).rejects.toMatchObject({ reason: 'forbidden' });
    const revoked = await ask('host', 'revoke', 'host03');
    expect(revoked).toMatchObject({ status: 0, err: '' });
    expect(revoked.out).toMatch(/^host03 was revoked\n(?=[\s\S]*host01 knows it\n)[\s\S]*frontend knows it\n/);
    await expect(call()).rejects.toMatchObject({ reason: 'bad_identity', message: 'the certificate of host03 was revoked' });
    expect(await third()).toBeUndefined();
    expect((await ask('host', 'list')).out).toMatch(/host03 .* revoked/);
    await until('the refusal of a renewal', async () =>
      (await readFile(path.join(cluster.site.directory, 'log/host03.log'), 'utf8')).includes('was revoked') ? true : undefined,
    );
    // One that was down hears of it when it is back.
    expect(await readFile(path.join(target.pki, 'crl.pem'), 'utf8')).toContain('BEGIN X509 CRL');
  });

  it('that joined anew is marked as revoked, too, when its certificate is revoked by hand', async () => {
    const added = await ask('host', 'add', 'host04', '--address', '127.0.0.1:9', '--token-only');
    await run('agent', 'join', added.out.trim(), '--pki', at('pki04'), '--machine-id', 'd'.repeat(32), '--owner-of', os.tmpdir());
    expect((await ask('host', 'list')).out).toMatch(/host04 .* joined/);
    const revoked = await ask('pki', 'revoke', path.join(cluster.site.directory, 'pki/authority'), at('pki04'));
    expect(revoked).toMatchObject({ status: 0, out: expect.stringContaining('host01 knows it') });
    expect((await ask('host', 'list')).out).toMatch(/host04 .* revoked/);
    expect((await hosts()).map(({ name }) => name)).not.toContain('host04');
  });

  it('that was issued a certificate by hand is revoked by its serial number', async () => {
    const authority = path.join(cluster.site.directory, 'pki/authority');
    await cluster.agent('host02').kill('SIGKILL');
    const revoked = await ask('pki', 'revoke', authority, cluster.site.adminPki);
    expect(revoked.out).toMatch(/host01 knows it/);
    expect(revoked.out).toMatch(/host02 does not know it yet, and is told when it answers/);
    const admin = await loadIdentity(cluster.site.adminPki, 'admin');
    const call = (name: 'host01' | 'host02') =>
      callUnary(openChannel(cluster.agent(name).address, admin, { hostName: name }).client('Operations'), 'List', {}, { signal: never });
    await expect(call('host01')).rejects.toThrow('was revoked');
    await cluster.agent('host02').start();
    await until(
      'host02 to know',
      async () =>
        await call('host02').then(
          () => undefined,
          (thrown: Error) => (thrown.message.includes('was revoked') ? true : undefined),
        ),
    );
    expect((await ask('pki', 'revoke', authority)).err).toContain('name either a directory or --serial');
  });

  it('cannot be added where there is no authority', async () => {
    await createAuthority(at('unused'));
    const config = await readFile(cluster.site.controller.config, 'utf8');
    await writeFile(cluster.site.controller.config, config.replace(/authority: .*/, 'authority: /nowhere/authority'));
    await cluster.controller.restart();
    expect((await ask('host', 'add', 'host04')).err).toMatch(
      /^onestorage: this front-end has no authority in \/nowhere\/authority: make one with onestorage setup --apply/,
    );
    const free = await new Promise<boolean>((resolve) => {
      const socket = connect(enrolmentPort, '127.0.0.1', () => resolve(false));
      socket.once('error', () => resolve(true));
    });
    expect(free).toBe(true);
  });
});

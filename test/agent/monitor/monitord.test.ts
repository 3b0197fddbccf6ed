import { spawn } from 'node:child_process';
import { generateKeyPairSync } from 'node:crypto';
import { once } from 'node:events';
import { mkdir, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { learnMonitord } from '../../../agent/monitor/monitord.ts';
import { type MonitordConfig, monitordConfig } from '../../../agent/monitor/monitord-config.ts';

const pair = generateKeyPairSync('rsa', { modulusLength: 2048 });
const PEM = pair.publicKey.export({ type: 'pkcs1', format: 'pem' }).toString();

let directory: string;
beforeEach(async () => {
  directory = await mkdtemp(path.join(os.tmpdir(), 'onestorage-monitord-'));
});
afterEach(() => rm(directory, { recursive: true, force: true }));

const at = (name: string): string => path.join(directory, name);

function config(more: Partial<MonitordConfig> = {}): MonitordConfig {
  return monitordConfig.parse({ report: 'push', config: at('config'), conf: at('monitord.conf'), client: at('client.pid'), ...more });
}

/** The document oned starts its probes with, and leaves on the host. */
function xml(network: string, more = ''): string {
  return `<MONITOR_CONFIGURATION><DB><PORT><![CDATA[3306]]></PORT></DB><NETWORK>${network}</NETWORK>${more}<HOST_ID>3</HOST_ID></MONITOR_CONFIGURATION>`;
}
const element = (name: string, value: string): string => `<${name}><![CDATA[${value}]]></${name}>`;
const NETWORK = element('MONITOR_ADDRESS', '192.0.2.1') + element('PORT', '4125') + element('PUBKEY', '');

describe('onemonitord', () => {
  it("is learnt from the probes' document", async () => {
    await writeFile(at('config'), xml(NETWORK, `<PROBES_PERIOD>${element('MONITOR_VM', '90')}</PROBES_PERIOD>`));
    expect(await learnMonitord(config())).toEqual({ address: '192.0.2.1', port: 4125, hostId: 3, key: undefined, intervalMs: 90_000 });
  });

  it('has the defaults of OpenNebula', async () => {
    await writeFile(at('config'), xml(element('MONITOR_ADDRESS', 'front')));
    expect(await learnMonitord(config())).toMatchObject({ address: 'front', port: 4124, intervalMs: 30_000 });
  });

  it('is learnt from monitord.conf where the document does not say it', async () => {
    const text = `# PORT = 1\nNETWORK = [\n  MONITOR_ADDRESS = "192.0.2.7",\n  PORT            = 4126,\n  PUBKEY = "${PEM.replaceAll('\n', ' ')}"\n]\n
PROBES_PERIOD = [\n  BEACON_HOST = 30,\n  MONITOR_VM  = 45\n]\n`;
    await writeFile(at('monitord.conf'), text);
    const found = await learnMonitord(config({ host_id: 5 }));
    expect(found).toMatchObject({ address: '192.0.2.7', port: 4126, hostId: 5, intervalMs: 45_000 });
    expect(found.key?.equals(pair.publicKey)).toBe(true);
  });

  it('is what agent.yaml says, when it says it', async () => {
    await writeFile(at('config'), xml(NETWORK));
    await writeFile(at('key.pem'), pair.publicKey.export({ type: 'spki', format: 'pem' }));
    const own = config({ address: '::1', port: 9, host_id: 8, interval_seconds: 2, public_key: at('key.pem') });
    const found = await learnMonitord(own);
    expect(found).toMatchObject({ address: '::1', port: 9, hostId: 8, intervalMs: 2000 });
    expect(found.key?.equals(pair.publicKey)).toBe(true);
  });

  it.each(['\n', ' ', '\r\n'])('has a key, whatever stands between its lines: %j', async (separator) => {
    await writeFile(at('config'), xml(NETWORK.replace(element('PUBKEY', ''), element('PUBKEY', PEM.replaceAll('\n', separator)))));
    expect((await learnMonitord(config())).key?.equals(pair.publicKey)).toBe(true);
  });

  it('is where the probes were started from, for the address auto', async () => {
    await writeFile(at('config'), xml(element('MONITOR_ADDRESS', 'auto')));
    const client = spawn('sleep', ['600'], {
      env: { PATH: process.env['PATH'] ?? '', SSH_CLIENT: '192.0.2.99 40000 22' },
      stdio: 'ignore',
    });
    try {
      await once(client, 'spawn');
      await writeFile(at('client.pid'), `${client.pid}`);
      expect((await learnMonitord(config())).address).toBe('192.0.2.99');
    } finally {
      client.kill('SIGKILL');
      await once(client, 'exit');
    }
    const unknown = {
      reason: 'bad_config',
      message: expect.stringMatching(/^MONITOR_ADDRESS is auto.*set monitord\.address in agent\.yaml$/),
    };
    await expect(learnMonitord(config())).rejects.toMatchObject(unknown);
  });

  it.each([
    [
      'no files at all',
      async () => undefined,
      /id of this host is not known: .*config does not say it; set monitord\.host_id in agent\.yaml$/,
    ],
    ['no address', () => writeFile(at('config'), xml(element('PORT', '1'))), /address of onemonitord is not known/],
    ['a document that is too large', () => writeFile(at('config'), 'x'.repeat(300_000)), /larger than 256 KiB$/],
    ['a directory', () => mkdir(at('config')), /not a plain file$/],
    ['a link', () => symlink('/etc/passwd', at('config')), /symbolic link/],
  ])('is refused in one line: %s', async (_, make, message) => {
    await make();
    await expect(learnMonitord(config())).rejects.toThrow(message);
  });

  it('is refused with a key that cannot be used', async () => {
    await writeFile(at('config'), xml(element('MONITOR_ADDRESS', 'front') + element('PUBKEY', 'not a key')));
    await expect(learnMonitord(config())).rejects.toMatchObject({ reason: 'bad_config', message: expect.stringContaining('PUBKEY') });
    await expect(learnMonitord(config({ public_key: at('none.pem') }))).rejects.toThrow(/none\.pem: cannot be used/);
  });
});

import { generateKeyPairSync } from 'node:crypto';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { monitordConfig } from '../../../agent/monitor/monitord-config.ts';
import { Push } from '../../../agent/monitor/push.ts';
import { createLogger } from '../../../runtime/log.ts';
import type { VmSizes } from '../../../runtime/monitord/template.ts';
import { bytes, MIB } from '../../../runtime/units.ts';
import { listen } from '../../helpers/monitord.ts';

const log = createLogger('test', 'fatal');
const poll = { timeout: 20_000, interval: 20 };

let directory: string;
let push: Push | undefined;
beforeEach(async () => {
  directory = await mkdtemp(path.join(os.tmpdir(), 'onestorage-push-'));
});
afterEach(async () => {
  await push?.stop();
  push = undefined;
  await rm(directory, { recursive: true, force: true });
});

const vm = (id: number, size: number): VmSizes => ({ id, disks: [{ id: 0, allocated: bytes(size * MIB), snapshots: [] }] });

it('reports again and again what there is, encrypted for a front-end that has a key', async () => {
  const pair = generateKeyPairSync('rsa', { modulusLength: 2048 });
  const { port, receiver, stop } = await listen({ privateKey: pair.privateKey });
  try {
    const file = path.join(directory, 'config');
    const pem = pair.publicKey.export({ type: 'pkcs1', format: 'pem' }).toString();
    const network = `<NETWORK><MONITOR_ADDRESS>localhost</MONITOR_ADDRESS><PORT>${port}</PORT><PUBKEY>${pem}</PUBKEY></NETWORK>`;
    await writeFile(file, `<MONITOR_CONFIGURATION>${network}<HOST_ID>3</HOST_ID></MONITOR_CONFIGURATION>`);
    let sizes: VmSizes[] = [vm(7, 65)];
    const config = monitordConfig.parse({ report: 'push', config: file, conf: '/none', address: '127.0.0.1', interval_seconds: 1 });
    push = new Push({ config, sizes: () => sizes, log });
    push.start();
    await expect.poll(() => receiver.vms.get(7)?.disks, poll).toEqual({ 0: 65 });
    sizes = [vm(7, 66), ...Array.from({ length: 1500 }, (_, id) => vm(100 + id, id))];
    await expect.poll(() => receiver.vms.size, poll).toBe(1501);
    expect(receiver.vms.get(7)?.disks).toEqual({ 0: 66 });
    expect(receiver.refused).toEqual([]);
  } finally {
    await stop();
  }
});

it('waits for an onemonitord that is not known yet, without words', async () => {
  const config = monitordConfig.parse({ report: 'push', config: path.join(directory, 'none'), conf: '/none' });
  push = new Push({ config, sizes: () => [vm(7, 1)], log });
  push.start();
  await push.stop();
});

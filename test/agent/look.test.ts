import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { mkdir, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { startAgent } from '../../agent/agent.ts';
import { agentConfigSchema } from '../../agent/config.ts';
import { NO_LINE } from '../../runtime/audit/chain.ts';
import { verifyFile } from '../../runtime/audit/verify.ts';
import { callStream, openChannel } from '../../runtime/channel.ts';
import { createLogger } from '../../runtime/log.ts';
import { testIdentity, testIdentityDirectory } from '../helpers/pki.ts';

const root = join(import.meta.dirname, '../..');
const bin = join(root, 'node_modules/.bin');
// In CI a missing program is a failure.
const hasBuf = process.env['CI'] === 'true' || spawnSync(join(bin, 'buf'), ['--version']).status === 0;
const KEY = '4f0c2f6e-7c1a-4a56-9d1e-3b8f1c1f2a77';
const ID = `${KEY}.create`;

/** The lines of the page, in order; definitions and certificates are what comes before the first question. */
const page = readFileSync(join(root, 'proto/README.md'), 'utf8');
const [prologue = '', ...questions] = [...page.matchAll(/^```sh\n(.*?)^```$/gms)].map(([, body = '']) => body);
const lines = questions
  .join('')
  .trim()
  .split('\n')
  .filter((line) => line.startsWith('look '));
const definition = prologue.split('\n').find((line) => line.startsWith('look()')) ?? '';

let directory = '';
let admin = '';
let agent: Awaited<ReturnType<typeof startAgent>>;
const logged: Record<string, unknown>[] = [];

beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'onestorage-look-'));
  await mkdir(join(directory, 'datastores/107/9'), { recursive: true });
  admin = await testIdentityDirectory('admin', { hostName: 'desk' });
  const config = agentConfigSchema.parse({
    pki: await testIdentityDirectory('agent', { hostName: 'host01' }),
    listen: '127.0.0.1:0',
    socket: join(directory, 'agent.sock'),
    datastores: join(directory, 'datastores'),
    state_directory: join(directory, 'state'),
    metrics: 'off',
  });
  agent = await startAgent(config, createLogger('agent', 'debug', { write: (line: string) => logged.push(JSON.parse(line)) }));
  const channel = openChannel(`127.0.0.1:${agent.port}`, await testIdentity('controller', { hostName: 'frontend' }), {
    hostName: 'host01',
  });
  const request = {
    operation: { operationId: ID, subject: 'disk 1 of VM 9' },
    target: { datastoreId: 107, path: '9/disk.1' },
    sizeBytes: 1024 * 1024,
    format: 'qcow2',
  };
  const stream = callStream(channel.client('Disks'), 'Create', request, { signal: new AbortController().signal });
  for await (const event of stream) if (event.outcome) expect(event.outcome.failure ?? null).toBeNull();
  channel.close();
});

afterAll(async () => {
  await agent?.stop();
  await rm(directory, { recursive: true, force: true });
});

/** A line as a person types it, in the directory of the admin's certificate. */
async function type(line: string): Promise<{ code: number; stdout: string; stderr: string }> {
  const script = `${definition}\nagent=https://127.0.0.1:${agent.port}\nid=${ID}\n${line}\n`;
  const child = spawn('sh', ['-c', script], {
    cwd: admin,
    env: { PATH: `${bin}:${process.env['PATH']}`, HOME: directory },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const text = { stdout: '', stderr: '' };
  child.stdout.setEncoding('utf8').on('data', (chunk: string) => (text.stdout += chunk));
  child.stderr.setEncoding('utf8').on('data', (chunk: string) => (text.stderr += chunk));
  const [code] = (await once(child, 'close')) as [number];
  return { code, ...text };
}

/** What each line of the page is answered with. */
const ANSWERS: Readonly<Record<string, { readonly code?: number; readonly text: string | RegExp }>> = {
  'list-services': { text: /^grpc\.health\.v1\.Health\n(?:onestorage\.v1\.\w+\n)*onestorage\.v1\.Operations\n/m },
  'list-methods': { text: 'onestorage.v1.Disks/Create\n' },
  'look $agent/grpc.health.v1.Health/Check': { text: '"status": "SERVING"' },
  '"service": "onestorage.v1.Transfers"': { text: '"status": "SERVING"' },
  'Hosts/Describe': { text: /"hostName": "host01".*"capabilities": \[[^\]]*"context.create"/s },
  'Hosts/DiskSizes': { text: /"vmId": 9,.*"diskId": 1/s },
  'Hosts/Check': { text: /^\{/ },
  '"datastoreId": 107}\' $agent/onestorage.v1.Hosts/Usage': { text: '"totalBytes": "' },
  'look $agent/onestorage.v1.Operations/List': { text: '{}' },
  '"limit": 20': { text: `"operationId": "${ID}"` },
  'Operations/Get': { text: '"state": "succeeded"' },
  'Operations/Watch': { text: '"outcome":' },
  'Inspections/Inspect': { text: '' },
  'Operations/Cancel': { code: 56, text: 'may not call Operations/Cancel' },
  '"create": true': { code: 56, text: 'permission_denied' },
};

describe.skipIf(!hasBuf)('the page of buf curl', () => {
  it.each(lines)('%s', async (line) => {
    const known = Object.entries(ANSWERS).filter(([part]) => line.includes(part));
    expect(known.map(([part]) => part)).toHaveLength(1);
    const { code, stdout, stderr } = await type(line);
    const { code: wanted = 0, text } = known[0]![1];
    expect({ code, stderr: wanted === 0 ? stderr : '' }).toEqual({ code: wanted, stderr: '' });
    expect(stdout + stderr).toMatch(text);
  });

  it('has every answer above', () => {
    expect(lines).toHaveLength(Object.keys(ANSWERS).length);
  });
});

describe('an operation', () => {
  it('is in the audit log from its call to its end', async () => {
    const file = join(directory, 'state/audit.log');
    const about = { operation: ID, subject: 'disk 1 of VM 9' };
    const caller = { method: 'Disks/Create', role: 'controller', host: 'frontend', ...about };
    const written = readFileSync(file, 'utf8')
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line));
    expect(written.filter((line) => line.operation === ID && line.role !== 'admin')).toMatchObject([
      { event: 'begin', ...caller },
      { event: 'operation', kind: 'disk.create', ...about, outcome: 'ok' },
      { event: 'end', ...caller, outcome: 'ok' },
    ]);
    expect(await verifyFile(file, NO_LINE)).toMatchObject({ open: false, broken: undefined });
  });

  it('has the id of the action in every line of the log', () => {
    const mine = logged.filter(({ operation }) => operation === ID);
    expect(mine.length).toBeGreaterThan(0);
    for (const line of mine) expect(line).toMatchObject({ trace: KEY });
    // Down to the programs.
    const programs = logged.filter(({ program }) => program !== undefined).map(({ trace, program, msg }) => [trace, program, msg]);
    expect(programs).toContainEqual([KEY, 'qemu-img', 'program started']);
    expect(programs).toContainEqual([KEY, 'qemu-img', 'program ended']);
  });
});

import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { openNebula } from '../../../controller/opennebula/client.ts';

const escapeText = (text: string): string => text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;');
const answer = (success: number, body: string, code: number): string =>
  `<?xml version="1.0" encoding="UTF-8"?>\r\n<methodResponse>\r\n<params>\r\n<param><value><array><data>\r\n<value><boolean>${success}</boolean></value>\r\n` +
  `<value><string>${escapeText(body)}</string></value>\r\n<value><i4>${code}</i4></value>\r\n</data></array></value></param>\r\n</params>\r\n</methodResponse>\r\n`;

let directory: string;
let server: Server;
let requests: string[];
let reply: (body: string) => { status: number; text: string };

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'onestorage-client-'));
  await writeFile(join(directory, 'one_auth'), 'oneadmin:p<&>w\n');
  requests = [];
  server = createServer((request, response) => {
    let body = '';
    request.on('data', (part: Buffer) => {
      body += part.toString();
    });
    request.on('end', () => {
      requests.push(body);
      const { status, text } = reply(body);
      response.writeHead(status).end(text);
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
});

afterEach(async () => {
  server.closeAllConnections();
  await new Promise((resolve) => server.close(resolve));
  await rm(directory, { recursive: true, force: true });
});

const client = (endpoint = `http://127.0.0.1:${(server.address() as AddressInfo).port}/RPC2`, timeoutMs = 10_000) =>
  openNebula({ endpoint, authFile: join(directory, 'one_auth'), timeoutMs, retryAfterMs: 1 });
const signal = new AbortController().signal;

describe('openNebula', () => {
  it('asks for a VM in one call', async () => {
    const xml = await readFile(join(import.meta.dirname, '../../fixtures/oned/xml/vm-9.xml'), 'utf8');
    reply = () => ({ status: 200, text: answer(1, xml, 0) });
    const vm = await client().vm(9, signal);
    expect(vm.disks).toHaveLength(5);
    expect(requests).toEqual([
      '<?xml version="1.0"?><methodCall><methodName>one.vm.info</methodName><params><param><value><string>oneadmin:p&lt;&amp;&gt;w</string></value></param><param><value><int>9</int></value></param></params></methodCall>',
    ]);
  });

  it('tells what is missing from what is broken', async () => {
    reply = () => ({ status: 200, text: answer(0, '[one.vm.info] Error getting virtual machine [9].', 0x400) });
    await expect(client().vm(9, signal)).rejects.toMatchObject({
      reason: 'not_found',
      message: 'OpenNebula: [one.vm.info] Error getting virtual machine [9].',
    });
    reply = () => ({ status: 200, text: answer(0, '[one.vm.info] User could not be authenticated', 0x100) });
    await expect(client().vm(9, signal)).rejects.toMatchObject({ reason: 'opennebula_unavailable' });
    reply = () => ({ status: 502, text: 'bad gateway' });
    await expect(client().vm(9, signal)).rejects.toMatchObject({
      reason: 'opennebula_unavailable',
      message: expect.stringContaining('HTTP 502'),
    });
    reply = () => ({ status: 200, text: '<html/>' });
    await expect(client().vm(9, signal)).rejects.toMatchObject({ reason: 'opennebula_unavailable' });
    reply = () => ({ status: 200, text: '<methodResponse><fault><value><string>no such method</string></value></fault></methodResponse>' });
    await expect(client().vm(9, signal)).rejects.toMatchObject({ message: 'one.vm.info: no such method' });
  });

  it('names the endpoint that refuses', async () => {
    const { port } = server.address() as AddressInfo;
    await new Promise((resolve) => server.close(resolve));
    await expect(client(`http://127.0.0.1:${port}/RPC2`).vm(9, signal)).rejects.toMatchObject({
      reason: 'opennebula_unavailable',
      message: `OpenNebula at http://127.0.0.1:${port}/RPC2 cannot be reached: connection refused`,
    });
    server = createServer().listen(0);
  });

  it('gives up after its time', async () => {
    const silent = createServer(() => undefined);
    await new Promise<void>((resolve) => silent.listen(0, '127.0.0.1', resolve));
    const { port } = silent.address() as AddressInfo;
    await expect(client(`http://127.0.0.1:${port}/RPC2`, 50).vm(9, signal)).rejects.toMatchObject({
      message: expect.stringContaining('no answer in 0.05 s'),
    });
    silent.closeAllConnections();
    await new Promise((resolve) => silent.close(resolve));
  });

  it('says which credentials file is missing or empty', async () => {
    await writeFile(join(directory, 'one_auth'), '\n');
    await expect(client().vm(9, signal)).rejects.toMatchObject({ message: expect.stringContaining('does not begin with user:password') });
    await rm(join(directory, 'one_auth'));
    await expect(client().vm(9, signal)).rejects.toMatchObject({
      reason: 'opennebula_unavailable',
      message: expect.stringContaining('one_auth: no such file'),
    });
    expect(requests).toEqual([]);
  });
});

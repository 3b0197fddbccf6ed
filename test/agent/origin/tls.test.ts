import 'reflect-metadata';
import { getCACertificates, setDefaultCACertificates } from 'node:tls';
import { PemConverter, SubjectAlternativeNameExtension, X509CertificateGenerator } from '@peculiar/x509';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { openOrigin } from '../../../agent/origin/open.ts';
import { RetryBudget } from '../../../agent/origin/source.ts';
import { type HttpOrigin, startHttpOrigin } from '../../helpers/http-origin.ts';
import { collect, failureOf } from './helpers.ts';

const content = Buffer.from('an image');
const trusted = getCACertificates('default');
let server: HttpOrigin;
let authority: string;

beforeAll(async () => {
  const algorithm = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' };
  const keys = await crypto.subtle.generateKey(algorithm, true, ['sign', 'verify']);
  const certificate = await X509CertificateGenerator.createSelfSigned({
    name: 'CN=localhost',
    keys,
    signingAlgorithm: algorithm,
    notAfter: new Date(Date.now() + 86_400_000),
    extensions: [new SubjectAlternativeNameExtension([{ type: 'dns', value: 'localhost' }])],
  });
  authority = certificate.toString('pem');
  const key = PemConverter.encode(await crypto.subtle.exportKey('pkcs8', keys.privateKey), 'PRIVATE KEY');
  server = await startHttpOrigin({ key, cert: authority });
  server.serve('/a', { content });
});
afterAll(async () => {
  setDefaultCACertificates(trusted);
  await server.close();
});

async function download(path: string): Promise<Buffer> {
  const origin = { path, safeDirs: [], restrictedDirs: [], noDecompress: true, bytesPerSecond: 0, sealed: false };
  const options = { signal: new AbortController().signal, budget: new RetryBudget(2, 0) };
  const { source } = await openOrigin(origin, undefined, { safe: [], restricted: [], never: [] }, options);
  try {
    return await collect(source.stream);
  } finally {
    await source.close();
  }
}

describe('https', () => {
  it('does not take a certificate that nobody vouches for, and does not insist', async () => {
    const before = server.requests.length;
    expect(await failureOf(download(`${server.url}/a`))).toMatchObject({
      reason: 'origin_failed',
      message: expect.stringContaining('not trusted'),
    });
    expect(server.requests).toHaveLength(before);
  });

  it('takes one of an authority that this host trusts, for its own name alone', async () => {
    setDefaultCACertificates([...trusted, authority]);
    expect(await download(`${server.url}/a`)).toEqual(content);
    expect(await failureOf(download(`${server.url.replace('localhost', '127.0.0.1')}/a`))).toMatchObject({
      message: expect.stringContaining('not trusted'),
    });
  });

  it('is reached from http, and never left for it', async () => {
    setDefaultCACertificates([...trusted, authority]);
    const plain = await startHttpOrigin();
    try {
      const up = plain.serve('/up', { content, redirect: { to: `${server.url}/a` } });
      expect(await download(up)).toEqual(content);
      const down = server.serve('/down', { content, redirect: { to: plain.serve('/a', { content }) } });
      expect(await failureOf(download(down))).toMatchObject({
        reason: 'origin_failed',
        message: expect.stringContaining('from https: to http:'),
      });
      expect(plain.requests.map(({ url }) => url)).toEqual(['/up']);
    } finally {
      await plain.close();
    }
  });
});

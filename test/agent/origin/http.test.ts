import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { openOrigin } from '../../../agent/origin/open.ts';
import type { OriginOf, Secret } from '../../../agent/origin/origin.ts';
import { RestartNeeded, RetryBudget } from '../../../agent/origin/source.ts';
import { type HttpOrigin, startHttpOrigin } from '../../helpers/http-origin.ts';
import { collect, failureOf, sampleDisk } from './helpers.ts';

const disk = sampleDisk();
let server: HttpOrigin;
beforeEach(async () => {
  server = await startHttpOrigin();
});
afterEach(() => server.close());

const rules = { safe: [], restricted: [], never: [] };

async function download(
  path: string,
  more: { readonly secret?: Secret; readonly idleMs?: number; readonly tries?: number; signal?: AbortSignal } = {},
) {
  const origin: OriginOf = {
    path,
    safeDirs: [],
    restrictedDirs: [],
    noDecompress: true,
    bytesPerSecond: 0,
    sealed: more.secret !== undefined,
  };
  const retries: string[] = [];
  const { source } = await openOrigin(origin, more.secret, rules, {
    signal: more.signal ?? new AbortController().signal,
    budget: new RetryBudget(more.tries ?? 3, 0),
    onRetry: (why) => retries.push(why),
    ...(more.idleMs === undefined ? {} : { idleMs: more.idleMs }),
  });
  try {
    return { content: await collect(source.stream), size: source.sizeBytes, label: source.label, retries };
  } finally {
    await source.close();
  }
}

describe('downloads', () => {
  it('gives every byte and the length', async () => {
    const got = await download(server.serve('/a', { content: disk }));
    expect(got.content.equals(disk)).toBe(true);
    expect(got.size).toBe(disk.length);
    expect(server.requests[0]?.headers['accept-encoding']).toBe('identity');
  });

  it('takes a body without length', async () => {
    const got = await download(server.serve('/a', { content: disk, length: null }));
    expect(got.content.equals(disk)).toBe(true);
    expect(got.size).toBeUndefined();
  });

  it('keeps the raw bytes whatever Content-Encoding says', async () => {
    const got = await download(server.serve('/a', { content: disk, headers: { 'content-encoding': 'gzip' } }));
    expect(got.content.equals(disk)).toBe(true);
  });

  it('goes on in the middle of what broke off', async () => {
    const got = await download(server.serve('/a', { content: disk, endAfter: { bytes: 700_000, times: 2 } }));
    expect(got.content.equals(disk)).toBe(true);
    expect(got.retries).toHaveLength(2);
    const [, second, third] = server.requests;
    expect(second?.headers).toMatchObject({ 'if-range': expect.stringMatching(/^"/u), range: expect.stringMatching(/^bytes=\d+-$/u) });
    expect(third?.headers.range).not.toBe('bytes=0-');
  });

  it('goes on when the server stopped sending', async () => {
    const got = await download(server.serve('/a', { content: disk, stallAfter: { bytes: 500_000, times: 1 } }), { idleMs: 1000 });
    expect(got.content.equals(disk)).toBe(true);
    expect(got.retries.join()).toMatch(/no data for/u);
  });

  it.each([
    ['cannot do ranges', { ranges: false }],
    ['gives nothing that identifies the file', { validators: false }],
    ['has another file by now', { later: Buffer.from('something else') }],
    ['has another file of the same length and mixes them', { later: Buffer.alloc(disk.length, 1), ifRange: false }],
    ['has a longer file and mixes them', { later: Buffer.concat([disk, disk]), ifRange: false }],
  ])('asks for a new start when the server %s', async (_, fault) => {
    const url = server.serve('/a', { content: disk, endAfter: { bytes: 100_000, times: 1 }, ...fault });
    await expect(download(url)).rejects.toBeInstanceOf(RestartNeeded);
  });

  it('fails after three more tries, and says how far it came', async () => {
    const failure = await failureOf(download(server.serve('/a', { content: disk, endAfter: { bytes: 0 } })));
    expect(failure).toMatchObject({ reason: 'origin_failed' });
    const short = await failureOf(download(server.serve('/b', { content: disk, endAfter: { bytes: 1000 } })));
    expect(short.message).toMatch(new RegExp(`ended after \\d+ of ${disk.length} bytes`, 'u'));
    expect(server.requests.filter(({ url }) => url === '/b')).toHaveLength(4);
  });

  it('does not take less than was announced', async () => {
    const failure = await failureOf(
      download(server.serve('/a', { content: disk, length: disk.length + 1, endAfter: { bytes: disk.length } }), { tries: 0 }),
    );
    expect(failure).toMatchObject({
      reason: 'origin_failed',
      message: expect.stringContaining(`ended after ${disk.length} of ${disk.length + 1} bytes`),
    });
  });

  it('does not take a chunked body that broke off', async () => {
    const url = server.serve('/a', { content: disk, length: null, endAfter: { bytes: 1000 } });
    expect(await failureOf(download(url, { tries: 0 }))).toMatchObject({ reason: 'origin_failed' });
  });

  it('tries again what the server says is busy, and nothing else', async () => {
    const got = await download(server.serve('/busy', { content: disk, status: { code: 503, times: 2 } }));
    expect(got.content.equals(disk)).toBe(true);
    expect(await failureOf(download(`${server.url}/missing`))).toMatchObject({ reason: 'not_found' });
    expect(await failureOf(download(server.serve('/no', { content: disk, status: { code: 403 } })))).toMatchObject({
      reason: 'origin_failed',
    });
    expect(server.requests.filter(({ url }) => url === '/missing' || url === '/no')).toHaveLength(2);
  });

  it('says when nobody listens', async () => {
    const gone = await startHttpOrigin();
    await gone.close();
    expect(await failureOf(download(`${gone.url}/a`, { tries: 1 }))).toMatchObject({
      reason: 'origin_failed',
      message: expect.stringContaining(`${gone.url}/a`),
    });
  });

  it('stops at once when it is cancelled', async () => {
    const abort = new AbortController();
    const url = server.serve('/a', { content: disk, stallAfter: { bytes: 1000 } });
    const running = failureOf(download(url, { signal: abort.signal }));
    while (server.requests.length === 0) await new Promise((resolve) => setImmediate(resolve));
    abort.abort();
    expect(await running).toMatchObject({ reason: 'cancelled' });
  });
});

describe('redirects', () => {
  it('are followed, ten of them', async () => {
    for (let i = 0; i < 11; i += 1)
      server.serve(`/r${i}`, { content: disk, redirect: { to: i % 2 === 0 ? `/r${i + 1}` : `${server.url}/r${i + 1}` } });
    server.serve('/r10', { content: disk });
    expect((await download(`${server.url}/r0`)).content.equals(disk)).toBe(true);
    server.serve('/r10', { content: disk, redirect: { to: '/r11' } });
    server.serve('/r11', { content: disk });
    expect(await failureOf(download(`${server.url}/r0`))).toMatchObject({ message: expect.stringContaining('more than 10 redirects') });
  });

  it.each(['file:///etc/passwd', 'ftp://host/a', 'data:,x', 's3://bucket/a', 'http://'])('to %s are not', async (to) => {
    const failure = await failureOf(download(server.serve('/a', { content: disk, redirect: { to } })));
    expect(failure).toMatchObject({ reason: 'origin_failed', message: expect.stringContaining('not followed') });
  });

  it('carry no password to another origin', async () => {
    const other = await startHttpOrigin();
    try {
      const to = other.serve('/b', { content: disk });
      server.serve('/a', { content: disk, redirect: { to: to.replace('http://', 'http://x:y@') } });
      const path = `${server.url}/a`.replace('http://', 'http://me:secret@');
      const got = await download(`${server.url}/a`, { secret: { path, s3: undefined } });
      expect(got.content.equals(disk)).toBe(true);
      expect(server.requests[0]?.headers.authorization).toBe(`Basic ${Buffer.from('me:secret').toString('base64')}`);
      expect(other.requests[0]?.headers.authorization).toBeUndefined();
      expect(got.label).not.toContain('secret');
    } finally {
      await other.close();
    }
  });
});

describe('S3', () => {
  const s3 = { accessKeyId: 'AKID', secretAccessKey: 'top-secret', region: 'eu-1', endpoint: '' };

  it('asks with a signature, also for the rest', async () => {
    server.serve('/bucket/dir/a%20b.img', { content: disk, endAfter: { bytes: 100_000, times: 1 } });
    const path = 's3://bucket/dir/a b.img';
    const got = await download(path, { secret: { path, s3: { ...s3, endpoint: server.url } } });
    expect(got.content.equals(disk)).toBe(true);
    const [first, second] = server.requests;
    expect(first?.headers.authorization).toMatch(/^AWS4-HMAC-SHA256 Credential=AKID\/\d{8}\/eu-1\/s3\/aws4_request, SignedHeaders=host;/u);
    expect(second?.headers.authorization).toMatch(/SignedHeaders=host;if-range;range;/u);
  });

  it('does not follow a redirect with its keys', async () => {
    server.serve('/bucket/a', { content: disk, redirect: { to: '/bucket/b', code: 307 } });
    const failure = await failureOf(download('s3://bucket/a', { secret: { path: 's3://bucket/a', s3: { ...s3, endpoint: server.url } } }));
    expect(failure).toMatchObject({ reason: 'origin_failed', message: expect.stringContaining('region') });
    expect(server.requests).toHaveLength(1);
  });

  it('cannot go on without keys that no disk kept', async () => {
    const origin = { path: 's3://bucket/a', safeDirs: [], restrictedDirs: [], noDecompress: true, bytesPerSecond: 0, sealed: true };
    const options = { signal: new AbortController().signal, budget: new RetryBudget(0) };
    expect(await failureOf(openOrigin(origin, undefined, rules, options))).toMatchObject({ reason: 'interrupted' });
  });
});

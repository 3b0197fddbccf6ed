import { createHash } from 'node:crypto';
import { lstat, mkdir, readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { imagesService } from '../../../agent/services/images.ts';
import { run } from '../../../agent/tools/run.ts';
import type { ImportImageRequest__Output } from '../../../proto/gen/onestorage/v1/ImportImageRequest.ts';
import type { OperationEvent } from '../../../proto/gen/onestorage/v1/OperationEvent.ts';
import type { Origin__Output } from '../../../proto/gen/onestorage/v1/Origin.ts';
import { type HttpOrigin, startHttpOrigin } from '../../helpers/http-origin.ts';
import { type TestAgent, testAgent } from '../origin/agent.ts';
import { failureOf, sampleDisk } from '../origin/helpers.ts';

const disk = sampleDisk();
const call = { signal: new AbortController().signal };
let host: TestAgent;
let server: HttpOrigin;

beforeEach(async () => {
  host = await testAgent();
  server = await startHttpOrigin();
});
afterEach(async () => {
  await host.stop();
  await server.close();
});

const originOf = (path: string, more: Partial<Origin__Output> = {}): Origin__Output => ({
  path,
  safeDirs: [join(host.root, 'images')],
  restrictedDirs: ['/'],
  noDecompress: false,
  backup: null,
  bytesPerSecond: 0,
  s3: null,
  ...more,
});

const requestOf = (origin: Origin__Output | null, more: Partial<ImportImageRequest__Output> = {}): ImportImageRequest__Output => ({
  operation: { operationId: 'import-1', subject: 'image 1' },
  origin,
  target: { datastoreId: 1, path: 'image' },
  checksums: [],
  convertTo: '',
  opaque: false,
  preallocate: false,
  stagingDir: '',
  ...more,
});

async function importWith(request: ImportImageRequest__Output): Promise<OperationEvent[]> {
  const events: OperationEvent[] = [];
  await imagesService(host.agent).Import(request, call, async (event) => {
    events.push(event);
  });
  return events;
}

describe('Images.Import', () => {
  it('brings an image and tells format and size', async () => {
    const hex = createHash('sha256').update(disk).digest('hex').toUpperCase();
    const origin = originOf(server.serve('/disk', { content: disk }));
    const events = await importWith(requestOf(origin, { checksums: [{ algorithm: 'SHA256', hex }] }));
    expect(events.at(-1)?.outcome?.result).toEqual({ format: 'raw', sizeBytes: disk.length });
    expect((await readFile(join(host.datastore, 'image'))).equals(disk)).toBe(true);
  });

  it('gives the same outcome when it is called again', async () => {
    const request = requestOf(originOf(server.serve('/disk', { content: disk })));
    const [first, again] = [await importWith(request), await importWith(request)];
    expect(again.at(-1)?.outcome?.result).toEqual(first.at(-1)?.outcome?.result);
    expect(server.requests).toHaveLength(1);
  });

  it('keeps passwords, tokens and S3 keys out of the journal and of what people see', async () => {
    const s3 = { accessKeyId: 'AKID', secretAccessKey: 'geheim-key', region: '', endpoint: server.url };
    server.serve('/bucket/a', { content: disk });
    const url = server
      .serve('/disk', { content: disk, endAfter: { bytes: 1000, times: 1 } })
      .replace('http://', 'http://me:geheim-password@');
    const seen = [
      ...(await importWith(
        requestOf(originOf('s3://bucket/a', { s3 }), {
          operation: { operationId: 'a', subject: '' },
          target: { datastoreId: 1, path: 'a' },
        }),
      )),
      ...(await importWith(
        requestOf(originOf(`${url}?token=geheim-token`), {
          operation: { operationId: 'b', subject: '' },
          target: { datastoreId: 1, path: 'b' },
        }),
      )),
    ];
    expect(seen.filter(({ outcome }) => outcome?.result !== undefined)).toHaveLength(2);
    expect(server.requests.map((request) => request.url)).toContain('/disk?token=geheim-token');
    expect(JSON.stringify(seen)).not.toContain('geheim');
    for (const file of await readdir(join(host.root, 'state'))) {
      expect((await readFile(join(host.root, 'state', file))).includes('geheim')).toBe(false);
    }
  });

  it.each([
    ['no origin', null, {}, 'bad_argument'],
    ['a scheme that is not served', 'ssh://host:/a', {}, 'unsupported'],
    ['S3 without keys', 's3://bucket/a', {}, 'bad_argument'],
    ['no target', 'http://host/a', { target: null }, 'bad_argument'],
    ['a target outside', 'http://host/a', { target: { datastoreId: 1, path: '../a' } }, 'outside_datastore'],
    ['another format', 'http://host/a', { convertTo: 'vmdk' }, 'bad_argument'],
    ['a checksum that is none', 'http://host/a', { checksums: [{ algorithm: 'md5', hex: 'xyz' }] }, 'bad_argument'],
    ['no operation', 'http://host/a', { operation: null }, 'bad_argument'],
  ] as const)('refuses %s before anything is recorded', async (_, path, more, reason) => {
    const request = requestOf(path === null ? null : originOf(path), more as Partial<ImportImageRequest__Output>);
    expect(await failureOf(importWith(request))).toMatchObject({ reason });
    expect(host.agent.operations.list({ all: true, limit: 10 })).toEqual([]);
  });
});

describe('Images.StatOrigin', () => {
  const stat = (path: string) => imagesService(host.agent).StatOrigin({ origin: originOf(path), opaque: false }, call);

  it('tells the size of what an import would bring', async () => {
    const path = join(host.root, 'images', 'disk');
    await writeFile(path, disk);
    expect(await stat(path)).toEqual({ sizeBytes: disk.length });
  });

  it('refuses what an import would refuse', async () => {
    expect(await failureOf(stat('/etc/hostname'))).toMatchObject({ reason: 'restricted_path' });
    expect(await failureOf(stat('restic://1/a'))).toMatchObject({ reason: 'unsupported' });
    expect(await failureOf(stat(join(host.root, 'images', 'missing')))).toMatchObject({ reason: 'not_found' });
  });
});

describe('Images.Create, Copy, Describe and Remove', () => {
  it('work on one image', async () => {
    const service = imagesService(host.agent);
    const run = async (work: (send: (event: OperationEvent) => Promise<void>) => Promise<void>): Promise<OperationEvent['outcome']> => {
      const events: OperationEvent[] = [];
      await work(async (event) => {
        events.push(event);
      });
      return events.at(-1)?.outcome;
    };
    const operation = (operationId: string) => ({ operationId, subject: '' });
    const target = { datastoreId: 1, path: 'a' };
    const copy = { datastoreId: 1, path: 'b' };
    const created = { operation: operation('1'), target, sizeBytes: 1 << 20, format: 'raw', fileSystem: '', preallocate: false };
    expect((await run((send) => service.Create(created, call, send)))?.result).toMatchObject({ format: 'raw', sizeBytes: 1 << 20 });
    const copied = { operation: operation('2'), source: target, target: copy, sourceFormat: '', convertTo: 'qcow2', preallocate: false };
    expect((await run((send) => service.Copy(copied, call, send)))?.result).toMatchObject({ format: 'qcow2', sizeBytes: 1 << 20 });
    const md5 = createHash('md5')
      .update(Buffer.alloc(1 << 20))
      .digest('hex');
    expect((await run((send) => service.Describe({ operation: operation('3'), target, format: '' }, call, send)))?.result).toMatchObject({
      format: 'raw',
      md5,
    });
    for (const [id, place] of [
      ['4', target],
      ['5', copy],
      ['6', copy],
    ] as const) {
      expect((await run((send) => service.Remove({ operation: operation(id), target: place }, call, send)))?.failure).toBeUndefined();
    }
    expect(await readdir(host.datastore)).toEqual([]);
  });

  it('take a raw image for raw when they are told so, whatever a guest wrote into it', async () => {
    const service = imagesService(host.agent);
    const results: unknown[] = [];
    const send = async ({ outcome }: OperationEvent): Promise<void> => {
      if (outcome !== undefined && outcome !== null) results.push(outcome.result);
    };
    const source = { datastoreId: 1, path: 'a' };
    await mkdir(host.datastore, { recursive: true });
    await run('qemu-img', ['create', '-q', '-f', 'qcow2', join(host.datastore, 'a'), '8M'], { signal: call.signal });
    const sizeBytes = (await lstat(join(host.datastore, 'a'))).size;
    const operation = (operationId: string) => ({ operationId, subject: '' });
    const copied = { source, target: { datastoreId: 1, path: 'b' }, sourceFormat: 'raw', convertTo: '', preallocate: false };
    await service.Copy({ operation: operation('copy'), ...copied }, call, send);
    await service.Describe({ operation: operation('describe'), target: source, format: 'raw' }, call, send);
    const rounded = Math.ceil(sizeBytes / 512) * 512;
    expect(results).toMatchObject([
      { format: 'raw', sizeBytes: rounded },
      { format: 'raw', sizeBytes },
    ]);
  });
});

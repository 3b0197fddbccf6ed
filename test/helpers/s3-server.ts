import { mkdir } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { testIdentity } from './pki.ts';

/** A server of S3 on the loopback, with TLS: it does not take the uploads in signed pieces that restic makes without. */
export interface S3Server {
  readonly endpoint: string;
  /** PEM. */
  readonly authority: string;
  readonly bucket: string;
  readonly accessKeyId: string;
  readonly secretAccessKey: string;
  stop(): Promise<void>;
}

interface S3rver {
  readonly middleware: ((request: { readonly path: string; readonly headers: object }, next: () => Promise<void>) => Promise<void>)[];
  run(): Promise<{ readonly port: number }>;
  close(): Promise<void>;
}

interface Signatures {
  getStringToSign: (request: { readonly headers: object; readonly uri: string }, signature: unknown) => string;
}

const require = createRequire(import.meta.url);
const S3rver = require('@20minutes/s3rver') as new (options: Readonly<Record<string, unknown>>) => S3rver;
const signatures = require('@20minutes/s3rver/lib/signature/v4') as Signatures;

/** Of requests, by their headers. Clients sign the path they ask for; the server puts it together anew, without the last slash of "/bucket/". */
const asked = new WeakMap<object, string>();
const stringToSign = signatures.getStringToSign;
signatures.getStringToSign = (request, signature) =>
  stringToSign({ ...request, uri: asked.get(request.headers) ?? request.uri }, signature);

/** It knows one key, and compares signatures. */
export async function startS3Server(directory: string): Promise<S3Server> {
  await mkdir(directory, { recursive: true });
  const { key, certificate, authority } = await testIdentity('controller');
  const bucket = 'backups';
  const server = new S3rver({
    ...{ address: '127.0.0.1', port: 0, silent: true, directory },
    ...{ key, cert: certificate, configureBuckets: [{ name: bucket }] },
  });
  server.middleware.unshift(async ({ path, headers }, next) => {
    asked.set(headers, path);
    await next();
  });
  const { port } = await server.run();
  return {
    ...{ endpoint: `https://127.0.0.1:${port}`, authority, bucket, accessKeyId: 'S3RVER', secretAccessKey: 'S3RVER' },
    stop: () => server.close(),
  };
}

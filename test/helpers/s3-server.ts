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
  run(): Promise<{ readonly port: number }>;
  close(): Promise<void>;
}
const S3rver = createRequire(import.meta.url)('@20minutes/s3rver') as new (options: Readonly<Record<string, unknown>>) => S3rver;

/** It knows one key; any other is refused by its name. Signatures are not compared: it finds those of restic's client wrong. */
export async function startS3Server(directory: string): Promise<S3Server> {
  await mkdir(directory, { recursive: true });
  const { key, certificate, authority } = await testIdentity('controller');
  const bucket = 'backups';
  const server = new S3rver({
    ...{ address: '127.0.0.1', port: 0, silent: true, directory, allowMismatchedSignatures: true },
    ...{ key, cert: certificate, configureBuckets: [{ name: bucket }] },
  });
  const { port } = await server.run();
  return {
    ...{ endpoint: `https://127.0.0.1:${port}`, authority, bucket, accessKeyId: 'S3RVER', secretAccessKey: 'S3RVER' },
    stop: () => server.close(),
  };
}

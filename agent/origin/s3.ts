import { createHash, createHmac } from 'node:crypto';
import { StorageError } from '../../runtime/errors.ts';
import type { HttpTarget } from './http-request.ts';

export interface S3Credentials {
  readonly accessKeyId: string;
  /** Secret. */
  readonly secretAccessKey: string;
  /** Empty: us-east-1. */
  readonly region: string;
  /** Empty: AWS. */
  readonly endpoint: string;
}

const DEFAULT_REGION = 'us-east-1';
const EMPTY_BODY = createHash('sha256').update('').digest('hex');

/** A signed GET of an object. Made anew for every request: a signature is good for 15 minutes. `more`: headers that are signed as well. */
export function s3Target(
  address: { readonly bucket: string; readonly object: string },
  credentials: S3Credentials,
  more: Readonly<Record<string, string>>,
  now: Date,
): HttpTarget {
  const url = objectUrl(address, credentials);
  const region = credentials.region === '' ? DEFAULT_REGION : credentials.region;
  return {
    url,
    label: `s3://${address.bucket}/${address.object}`,
    headers: signedHeaders(url, more, { ...credentials, region }, now),
    redirects: false,
  };
}

function objectUrl({ bucket, object }: { bucket: string; object: string }, { endpoint, region }: S3Credentials): URL {
  const words = object.split('/');
  // A URL would swallow these.
  if (words.some((word) => word === '.' || word === '..'))
    throw new StorageError('bad_argument', `s3 object "${object.slice(0, 120)}" has a "." or ".." part`);
  const path = words.map(escapeWord).join('/');
  if (endpoint === '') {
    const host = `s3.${region === '' ? DEFAULT_REGION : region}.amazonaws.com`;
    // The certificate of AWS does not cover buckets with a dot.
    return new URL(bucket.includes('.') ? `https://${host}/${bucket}/${path}` : `https://${bucket}.${host}/${path}`);
  }
  const base = URL.parse(/^https?:\/\//iu.test(endpoint) ? endpoint : `https://${endpoint}`);
  if (base === null || base.username !== '' || base.search !== '') {
    throw new StorageError('bad_argument', 'the s3 endpoint is not an address of the form https://host:port');
  }
  return new URL(`${base.href.replace(/[/#]+$/u, '')}/${bucket}/${path}`);
}

/** AWS Signature Version 4 for a GET without body: `more`, and what must be sent beside it. */
export function signedHeaders(
  url: URL,
  more: Readonly<Record<string, string>>,
  credentials: { readonly accessKeyId: string; readonly secretAccessKey: string; readonly region: string },
  now: Date,
): Record<string, string> {
  const time = now.toISOString().replace(/[:-]|\.\d{3}/gu, '');
  const day = time.slice(0, 8);
  const scope = `${day}/${credentials.region}/s3/aws4_request`;
  const sent = { ...more, 'x-amz-content-sha256': EMPTY_BODY, 'x-amz-date': time };
  const signed = Object.entries({ ...sent, host: url.host }).toSorted(([a], [b]) => (a < b ? -1 : 1));
  const names = signed.map(([name]) => name).join(';');
  const query = [...url.searchParams]
    .map(([name, value]) => `${escapeWord(name)}=${escapeWord(value)}`)
    .toSorted()
    .join('&');
  const canonical = ['GET', url.pathname, query, ...signed.map(([name, value]) => `${name}:${value.trim()}`), '', names, EMPTY_BODY].join(
    '\n',
  );
  const text = ['AWS4-HMAC-SHA256', time, scope, createHash('sha256').update(canonical).digest('hex')].join('\n');
  let key = hmac(`AWS4${credentials.secretAccessKey}`, day);
  for (const word of [credentials.region, 's3', 'aws4_request']) key = hmac(key, word);
  const signature = hmac(key, text).toString('hex');
  const authorization = `AWS4-HMAC-SHA256 Credential=${credentials.accessKeyId}/${scope}, SignedHeaders=${names}, Signature=${signature}`;
  return { ...sent, authorization };
}

function hmac(key: string | Buffer, text: string): Buffer {
  return createHmac('sha256', key).update(text).digest();
}

function escapeWord(word: string): string {
  return encodeURIComponent(word).replace(/[!'()*]/gu, (letter) => `%${letter.charCodeAt(0).toString(16).toUpperCase()}`);
}

import { describe, expect, it } from 'vitest';
import { s3Target, signedHeaders } from '../../../agent/origin/s3.ts';

const credentials = {
  accessKeyId: 'AKIAIOSFODNN7EXAMPLE',
  secretAccessKey: 'wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY',
  region: 'us-east-1',
  endpoint: '',
};
const now = new Date('2013-05-24T00:00:00.000Z');

describe('the signature of S3', () => {
  // "Example: GET Object" of the Amazon S3 documentation on Signature Version 4.
  it('is the one of the documentation', () => {
    const { authorization } = signedHeaders(
      new URL('https://examplebucket.s3.amazonaws.com/test.txt'),
      { range: 'bytes=0-9' },
      credentials,
      now,
    );
    expect(authorization).toBe(
      'AWS4-HMAC-SHA256 Credential=AKIAIOSFODNN7EXAMPLE/20130524/us-east-1/s3/aws4_request, ' +
        'SignedHeaders=host;range;x-amz-content-sha256;x-amz-date, ' +
        'Signature=f0e8bdb87c964420e857bd35b5d6ed310bd44f0170aba48dd91039c6036bdb41',
    );
  });

  // "Example: GET Bucket Lifecycle", which has a query without value.
  it('covers the query', () => {
    const { authorization } = signedHeaders(new URL('https://examplebucket.s3.amazonaws.com/?lifecycle'), {}, credentials, now);
    expect(authorization).toContain('Signature=fea454ca298b7da1c68078a5d1bdbfbbe0d65c699e0f91ac7a200a0136783543');
  });
});

describe('the address of an S3 object', () => {
  const url = (bucket: string, object: string, more = {}): string =>
    s3Target({ bucket, object }, { ...credentials, ...more }, {}, now).url.href;

  it('has the bucket in its host name on AWS, unless that would break TLS', () => {
    expect(url('images', 'a/b.img', { region: 'eu-west-3' })).toBe('https://images.s3.eu-west-3.amazonaws.com/a/b.img');
    expect(url('my.images', 'a', { region: '' })).toBe('https://s3.us-east-1.amazonaws.com/my.images/a');
  });

  it('has the bucket in its path elsewhere', () => {
    expect(url('images', "ä b+(c)'!*?#", { endpoint: 'minio:9000' })).toBe('https://minio:9000/images/%C3%A4%20b%2B%28c%29%27%21%2A%3F%23');
    expect(url('images', 'a', { endpoint: 'http://minio:9000/base/' })).toBe('http://minio:9000/base/images/a');
  });

  it('does not climb out of its bucket', () => {
    expect(() => url('images', '../other/a')).toThrow(expect.objectContaining({ reason: 'bad_argument' }));
    expect(() => url('images', 'a', { endpoint: 'https://me:secret@host' })).toThrow(expect.objectContaining({ reason: 'bad_argument' }));
  });
});

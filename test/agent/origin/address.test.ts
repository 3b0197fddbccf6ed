import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { hasSecrets, parseAddress, withoutSecrets } from '../../../agent/origin/address.ts';
import { StorageError } from '../../../runtime/errors.ts';

function reasonOf(text: string): string {
  try {
    return parseAddress(text).kind;
  } catch (thrown) {
    return thrown instanceof StorageError ? thrown.reason : String(thrown);
  }
}

describe('addresses of images', () => {
  it.each([
    ['/var/tmp/a.qcow2', 'path'],
    ['//var/tmp/a', 'path'],
    ['/a/http://b', 'path'],
    ['http://host/a', 'http'],
    ['HTTPS://host:8443/a?b=c', 'http'],
    ['https://marketplace.opennebula.io//appliance/x/download/0', 'http'],
    ['s3://bucket/a/b c.img', 's3'],
    ['ssh://host:/a', 'unsupported'],
    ['rbd://host/one/one-1', 'unsupported'],
    ['restic://100/0:a/b', 'unsupported'],
    ['file:///etc/passwd', 'unsupported'],
    ['ftp://host/a', 'unsupported'],
    ['nbd:unix:/a', 'unsupported'],
    ['json:{"driver":"file"}', 'unsupported'],
    ['data:,abc', 'unsupported'],
    ['http:/host/a', 'bad_argument'],
    ['http://', 'bad_argument'],
    ['https:///etc/one/auth', 'http'],
    ['s3://bucket', 'bad_argument'],
    ['s3://evil@host/a', 'bad_argument'],
    ['s3://a..b/c', 'bad_argument'],
    ['', 'bad_argument'],
    ['relative/a', 'bad_argument'],
    ['../a', 'bad_argument'],
    ['|cat /etc/passwd', 'bad_argument'],
    ['/a\nb', 'bad_argument'],
    ['/a\0b', 'bad_argument'],
    [`/${'a'.repeat(5000)}`, 'bad_argument'],
  ])('%j is %s', (text, expected) => {
    expect(reasonOf(text)).toBe(expected);
  });

  it('says what to do instead of a scheme that is refused', () => {
    expect(() => parseAddress('ssh://host:/a')).toThrow(/ssh.*copy the file to this host/u);
  });

  it('lets nothing through but absolute paths, http, https and s3, whatever the text', () => {
    const words = fc.constantFrom(
      'http',
      'https',
      's3',
      'ssh',
      'file',
      'HTTP',
      ':',
      '//',
      '/',
      '@',
      '?',
      '#',
      '..',
      '.',
      ' ',
      '\n',
      '%2e',
      '\\',
      'bucket',
      'host',
      '|',
    );
    const texts = fc.oneof(
      fc.string({ unit: 'binary' }),
      fc.webUrl(),
      fc.array(words, { maxLength: 12 }).map((all) => all.join('')),
    );
    fc.assert(
      fc.property(texts, (text) => {
        try {
          const address = parseAddress(text);
          if (address.kind === 'path') expect(text.startsWith('/')).toBe(true);
          if (address.kind === 'http') expect(['http:', 'https:']).toContain(address.url.protocol);
          if (address.kind === 's3') expect(address.bucket).toMatch(/^[a-z0-9.-]+$/u);
        } catch (thrown) {
          if (!(thrown instanceof StorageError)) throw thrown;
          expect(['bad_argument', 'unsupported']).toContain(thrown.reason);
          expect(thrown.message).not.toMatch(/[\r\n]/u);
        }
      }),
      { numRuns: 2000 },
    );
  });

  it('shows no user, password or query', () => {
    const text = 'https://me:secret@host/a.img?token=secret#x';
    expect(withoutSecrets(text)).toBe('https://host/a.img?…');
    expect(hasSecrets(text)).toBe(true);
    expect(hasSecrets('https://host/a.img')).toBe(false);
    expect(hasSecrets('/a?b')).toBe(false);
  });

  it('shows no password of an address that is not valid', () => {
    for (const text of ['http://me:secret@', 'http://me:secret@ho st/a', 's3://me:secret@bucket', 'x/y?token=secret']) {
      expect(() => parseAddress(text)).toThrow(/^(?!.*secret).*$/su);
    }
  });
});

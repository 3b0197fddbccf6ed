import { StorageError } from '../../runtime/errors.ts';
import { parseAddress, withoutSecrets } from './address.ts';
import { type AllowedFile, openAllowed, type PathRules } from './allow.ts';
import { type HttpOptions, openHttp } from './http.ts';
import type { HttpTarget } from './http-request.ts';
import { localSource } from './local.ts';
import type { OriginOf, Secret } from './origin.ts';
import { s3Target } from './s3.ts';
import type { Source } from './source.ts';

export interface Opened {
  readonly source: Source;
  /** A file of this host; undefined: remote. */
  readonly file: AllowedFile | undefined;
}

/** Opens an origin for one reading. Whoever calls closes the source. */
export async function openOrigin(origin: OriginOf, secret: Secret | undefined, rules: PathRules, options: HttpOptions): Promise<Opened> {
  if (origin.sealed && secret === undefined) {
    throw new StorageError(
      'interrupted',
      `the import of ${origin.path} was interrupted, and its credentials are not kept on disk; start it again`,
    );
  }
  const address = parseAddress(secret?.path ?? origin.path);
  if (address.kind === 'path') {
    const file = await openAllowed(address.path, rules);
    return { source: localSource(file, options.signal), file };
  }
  if (address.kind === 'http') return { source: await openHttp(() => urlTarget(address.url), options), file: undefined };
  const credentials = secret?.s3;
  if (credentials === undefined) throw new StorageError('bad_argument', `there are no S3 keys for ${origin.path}`);
  return { source: await openHttp((more) => s3Target(address, credentials, more, new Date()), options), file: undefined };
}

/** User and password of the address become a header, so that they reach its own origin alone. */
function urlTarget(address: URL): HttpTarget {
  const url = new URL(address);
  const user = decode(url.username);
  const password = decode(url.password);
  url.username = '';
  url.password = '';
  const basic = Buffer.from(`${user}:${password}`).toString('base64');
  const headers: Record<string, string> = user === '' && password === '' ? {} : { authorization: `Basic ${basic}` };
  return { url, label: withoutSecrets(address.href), headers, redirects: true };
}

function decode(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}

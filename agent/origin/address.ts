import { isAbsolute } from 'node:path';
import { oneLine, StorageError } from '../../runtime/errors.ts';

/** Where an image comes from, taken apart. Only what stands in SCHEMES gets this far. */
export type Address =
  | { readonly kind: 'path'; readonly path: string }
  | { readonly kind: 'http'; readonly url: URL }
  | { readonly kind: 's3'; readonly bucket: string; readonly object: string };

const LONGEST = 4096;

/** Schemes of contract 5.2 that are known and refused, with what to do instead. All others are refused as unknown. */
const REFUSED = {
  ssh: 'no host opens a shell on another one; copy the file to this host, or serve it over https',
  rbd: 'it belongs to the driver of Ceph datastores',
  lxd: 'containers are not supported; use a disk image',
  restic: 'it needs a backup datastore; use the restore of that datastore',
  'restic+rbd': 'it needs a backup datastore; use the restore of that datastore',
  rsync: 'it needs a backup datastore; use the restore of that datastore',
  'rsync+rbd': 'it needs a backup datastore; use the restore of that datastore',
  onebex: 'it needs a backup datastore; use the restore of that datastore',
  netapp: 'it belongs to the driver of that storage',
  purefa: 'it belongs to the driver of that storage',
  vcenter: 'vCenter is not supported',
  docker: 'containers are not supported; use a disk image',
  dockerfile: 'containers are not supported; use a disk image',
  file: 'write the path alone',
  ftp: 'serve the file over https',
} as const satisfies Readonly<Record<string, string>>;

// "ssh:" or "http:/host" must not pass as a path either: any word before a colon is a scheme. What starts with "/" is a path.
const SCHEME = /^([a-z][a-z0-9+.-]*):(.*)$/isu;

const CONTROL = /\p{Cc}/u;

/**
 * Reads PATH of an image (contract 5.2) against the allow-list: an absolute path, http, https, s3.
 * Throws bad_argument for what is not well formed, unsupported for a scheme that is not served here.
 */
export function parseAddress(text: string): Address {
  if (text === '')
    throw new StorageError('bad_argument', 'the image has no PATH; give a path on this host, or a http, https or s3 address');
  if (text.length > LONGEST) throw new StorageError('bad_argument', `PATH of the image is longer than ${LONGEST} characters`);
  if (CONTROL.test(text)) throw new StorageError('bad_argument', 'PATH of the image holds a control character; remove it');
  if (isAbsolute(text)) return { kind: 'path', path: text };
  const [, scheme = '', rest = ''] = SCHEME.exec(text) ?? [];
  const name = scheme.toLowerCase();
  if (name === '') throw new StorageError('bad_argument', `PATH "${shown(text)}" is not absolute; give the whole path, from "/"`);
  if (!rest.startsWith('//') && (name === 'http' || name === 'https' || name === 's3')) {
    throw new StorageError('bad_argument', `PATH "${shown(text)}" is not an address; write ${name}://…`);
  }
  if (name === 'http' || name === 'https') return { kind: 'http', url: parseUrl(text) };
  if (name === 's3') return parseS3(text, rest.slice(2));
  if (Object.hasOwn(REFUSED, name)) {
    throw new StorageError('unsupported', `images cannot be taken from ${name}: ${REFUSED[name as keyof typeof REFUSED]}`);
  }
  throw new StorageError('unsupported', `images cannot be taken from "${name.slice(0, 40)}:"; give a path, or a http, https or s3 address`);
}

function parseUrl(text: string): URL {
  const url = URL.parse(text);
  if (url === null || url.hostname === '') throw new StorageError('bad_argument', `PATH "${shown(text)}" is not a valid http address`);
  url.hash = '';
  return url;
}

function parseS3(text: string, rest: string): Address {
  const slash = rest.indexOf('/');
  const bucket = slash === -1 ? rest : rest.slice(0, slash);
  const object = slash === -1 ? '' : rest.slice(slash + 1);
  // The rule for bucket names of S3; it keeps "@", ":" and ".." out of the host name that is made of it.
  if (!/^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$/u.test(bucket) || bucket.includes('..') || object === '') {
    throw new StorageError('bad_argument', `PATH "${shown(text)}" is not of the form s3://bucket/object`);
  }
  return { kind: 's3', bucket, object };
}

/** A URL for messages and the journal: without user, password and query, which may hold a token. */
export function withoutSecrets(text: string): string {
  const url = /^https?:/iu.test(text) ? URL.parse(text) : null;
  if (url === null) return text;
  const query = url.search === '' ? '' : '?…';
  return `${url.protocol}//${url.host}${url.pathname}${query}`;
}

/** Is there anything in this PATH that must not be kept or shown? */
export function hasSecrets(text: string): boolean {
  const url = /^https?:/iu.test(text) ? URL.parse(text) : null;
  return url !== null && (url.search !== '' || url.username !== '' || url.password !== '');
}

/** Text somebody gave us, fit for one line. What follows "@" or "?" may be secret when the address was not even valid. */
function shown(text: string): string {
  const safe = oneLine(text.replace(/\/\/[^/]*@/u, '//…@').replace(/\?.*$/su, '?…'));
  return safe.length > 120 ? `${safe.slice(0, 120)}…` : safe;
}

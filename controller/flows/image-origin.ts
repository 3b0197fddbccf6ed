import { oneLine, StorageError } from '../../runtime/errors.ts';
import type { AgentRequests } from '../hosts/agent-calls.ts';
import {
  CDROM_IMAGE,
  type DatastoreRecord,
  type DriverActionData,
  FILE_DATASTORE,
  type ImageRecord,
  words,
} from '../opennebula/action-data.ts';
import { required, yes } from '../opennebula/pick.ts';

type Origin = NonNullable<AgentRequests['Images/Import']['origin']>;

/** Any content, never converted: a CDROM, or a file of a FILE datastore (contract 2.1). */
export function isOpaque({ image, datastore }: DriverActionData): boolean {
  return image?.type === CDROM_IMAGE || datastore.type === FILE_DATASTORE;
}

/** Where the image comes from, and what the datastore allows; which schemes there are, the agent knows. Throws bad_document, bad_argument. */
export function originOf(data: DriverActionData): Origin {
  const image = required(data.image, 'IMAGE');
  const path = required(image.path, 'IMAGE/PATH');
  const { template } = data.datastore;
  const origin: Origin = {
    path,
    ...directories(data.datastore),
    noDecompress: yes(template.get('NO_DECOMPRESS'), data.datastore.type === FILE_DATASTORE),
    bytesPerSecond: rateOf(data.datastore),
  };
  return /^s3:\/\//i.test(path) ? { ...origin, s3: credentials(data) } : origin;
}

/** oned itself sets the two defaults when a datastore is made (contract 4); here they count for one that lost both. */
function directories({ template }: DatastoreRecord): { safeDirs: string[]; restrictedDirs: string[] } {
  const safe = template.get('SAFE_DIRS');
  const restricted = template.get('RESTRICTED_DIRS');
  if (safe === undefined && restricted === undefined) return { safeDirs: ['/var/tmp'], restrictedDirs: ['/'] };
  return { safeDirs: [...words(safe)], restrictedDirs: [...words(restricted)] };
}

const SCALE = { '': 1, K: 1024, M: 1024 ** 2, G: 1024 ** 3 } as const;

/** LIMIT_TRANSFER_BW as curl reads it: bytes per second, with K, M or G. 0: no limit. */
function rateOf({ id, template }: DatastoreRecord): number {
  const text = template.get('LIMIT_TRANSFER_BW') ?? '';
  if (text === '') return 0;
  const found = /^([0-9]{1,12}(?:\.[0-9]{1,6})?)([KMG]?)B?$/i.exec(text);
  const rate = found === null ? Number.NaN : Math.round(Number(found[1]) * SCALE[(found[2] ?? '').toUpperCase() as keyof typeof SCALE]);
  if (Number.isSafeInteger(rate) && rate > 0) return rate;
  throw new StorageError(
    'bad_argument',
    `LIMIT_TRANSFER_BW of datastore ${id} is ${JSON.stringify(oneLine(text))}; expected a rate like 10M`,
  );
}

function credentials({ marketplace }: DriverActionData): NonNullable<Origin['s3']> {
  const key = (name: string): string => required(marketplace.get(name), `MARKETPLACE/TEMPLATE/${name}, which an s3 address needs`);
  return {
    accessKeyId: key('ACCESS_KEY_ID'),
    secretAccessKey: key('SECRET_ACCESS_KEY'),
    region: marketplace.get('REGION') ?? 'us-east-1',
    endpoint: marketplace.get('ENDPOINT') ?? '',
  };
}

const DIGESTS = ['MD5', 'SHA1', 'SHA256', 'SHA512'] as const;

/** Checksums of the image's template and of the app it comes from: of the bytes at the origin (contract 5.4). The agent checks their form. */
export function checksumsOf(data: DriverActionData, image: ImageRecord): { algorithm: string; hex: string }[] {
  return DIGESTS.flatMap((name) => {
    const hex = image.template.get(name) ?? data.app.get(name) ?? '';
    return hex === '' ? [] : [{ algorithm: name.toLowerCase(), hex }];
  });
}

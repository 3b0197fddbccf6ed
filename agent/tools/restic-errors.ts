import { type Reason, StorageError } from '../../runtime/errors.ts';
import { lastLine } from './output.ts';

/** What names a repository in a message, and what may be in no message. */
export interface Named {
  readonly label: string;
  readonly location: string;
  readonly password: string;
  readonly credentials: string | undefined;
}

interface Meaning {
  readonly pattern: RegExp;
  readonly reason: Reason;
  /** `said`: the line that matched, without secrets. */
  readonly text: (label: string, said: string) => string;
}

const MISSING = /is there a repository at the following location/iu;
const NOT_THERE =
  /no such file or directory|file does not exist|does not exist|not found|\b404\b|the specified key does not exist|the specified bucket does not exist|NoSuchKey|NoSuchBucket/iu;
/** What S3 says of keys, in words that sound as if it were of the repository. */
const WRONG_KEY = /access key id you provided does not exist|signature we calculated does not match/iu;

/** In this order: the first that fits. Words of restic 0.14 to 0.18. */
const MEANINGS: readonly Meaning[] = [
  {
    pattern: /wrong password or no key found/iu,
    reason: 'repository_password',
    text: (label) => `the password of the datastore does not open repository ${label}`,
  },
  {
    pattern: /unable to create lock|repository is already locked/iu,
    reason: 'repository_locked',
    text: (label, said) => `repository ${label} is locked${holder(said)}`,
  },
  {
    pattern: /no space left|quota exceeded|507 insufficient|XMinioStorageFull|QuotaExceeded|disk full/iu,
    reason: 'no_space',
    text: (label) => `repository ${label} is full`,
  },
  {
    pattern:
      /ciphertext verification failed|invalid data returned|returned invalid hash|hash mismatch|blob .* not found|not found in index|pack .* (?:damaged|truncated|does not match)|unexpected EOF|invalid length of packfile/iu,
    reason: 'repository_damaged',
    text: (label, said) => `repository ${label} is damaged: ${said}`,
  },
  {
    pattern:
      /permission denied|access denied|accessdenied|\b403\b|401 unauthorized|signature ?does ?not ?match|signature we calculated does not match|invalidaccesskeyid|access key id you provided|operation not permitted/iu,
    reason: 'repository_denied',
    text: (label, said) => `repository ${label} refuses access${asWhom(label)}: ${said}`,
  },
  {
    pattern:
      /connection refused|connection reset|no route to host|i\/o timeout|network is unreachable|could not resolve|no such host|unable to start the sftp session|host key verification failed|broken pipe|server responded with|tls: |x509: |subprocess ssh|ssh command exited|dial tcp|context deadline exceeded/iu,
    reason: 'repository_unreachable',
    text: (label, said) => `repository ${label} cannot be reached: ${said}`,
  },
];

/** Why restic failed, in one line. `not_found`: there is no repository. */
export function meaningOf(named: Named, verb: string, code: number | null, stderr: string): StorageError {
  const text = withoutSecrets(named, stderr);
  const detail = `restic ${verb} of ${named.label}: exit code ${code}\n${text}`;
  if (MISSING.test(text) && NOT_THERE.test(text) && !WRONG_KEY.test(text))
    return new StorageError('not_found', `there is no repository at ${named.label}`, { detail });
  const meaning = MEANINGS.find(({ pattern }) => pattern.test(text));
  if (meaning === undefined) {
    const said = lastLine(text);
    return new StorageError('tool_failed', `restic ${verb} of ${named.label}: ${said === '' ? `exit code ${code}` : said.slice(0, 300)}`, {
      detail,
    });
  }
  const said = lineWith(text, meaning.pattern);
  return new StorageError(meaning.reason, meaning.text(named.label, said), { detail });
}

/** The attributes that let in; behind ssh and on this host it is no attribute. Of a wrong key S3 says no more than that access is denied. */
function asWhom(label: string): string {
  if (label.startsWith('s3:')) return ' with RESTIC_S3_ACCESS_KEY_ID and RESTIC_S3_SECRET_ACCESS_KEY';
  return label.startsWith('rest:') ? ' with RESTIC_REST_USER and RESTIC_REST_PASSWORD' : '';
}

/** ` by PID 4242 on node1 by oneadmin (UID 9869, GID 9869)`, as restic says it. */
function holder(said: string): string {
  const by = /by (PID \d+ on \S+)/u.exec(said)?.[1];
  return by === undefined ? '' : ` by ${by}`;
}

function lineWith(text: string, pattern: RegExp): string {
  const lines = text.split(/[\r\n]+/u);
  const line = lines.find((each) => pattern.test(each)) ?? lastLine(text);
  return line.replace(/^(?:Fatal|error): /iu, '').slice(0, 300);
}

function withoutSecrets({ location, label, password, credentials }: Named, text: string): string {
  const words = (credentials ?? '').split(/\s+/u).filter((word) => word.length > 7 && !word.startsWith('aws_'));
  const all = [password, ...words].filter((secret) => secret.length > 3);
  return all.reduce((left, secret) => left.replaceAll(secret, '[secret]'), text.replaceAll(location, label));
}

import { expect, it } from 'vitest';
import { meaningOf } from '../../../agent/tools/restic-errors.ts';

const at = (label: string) => ({ label, location: label, password: 'the-password', credentials: undefined });

it.each([
  ['s3', 'unable to open config file: Stat: Access Denied.', 'with RESTIC_S3_ACCESS_KEY_ID and RESTIC_S3_SECRET_ACCESS_KEY: '],
  [
    'rest',
    'unable to open config file: unexpected HTTP response (401): 401 Unauthorized',
    'with RESTIC_REST_USER and RESTIC_REST_PASSWORD: ',
  ],
])('a server of %s that refuses: the line names the attributes', (kind, said, attributes) => {
  const label = `${kind}:https://backup1:40404/7`;
  const stderr = `Fatal: ${said}\nIs there a repository at the following location?\n${label}\n`;
  const error = meaningOf(at(label), 'snapshots', 1, stderr);
  expect(error).toMatchObject({ reason: 'repository_denied', message: `repository ${label} refuses access ${attributes}${said}` });
});

it('a port with digits of an HTTP status is no status', () => {
  const label = 'rest:http://127.0.0.1:40403/7';
  const said = 'unable to open config file: Head "http://127.0.0.1:40403/7/config": dial tcp 127.0.0.1:40403: connect: connection refused';
  const stderr = `Fatal: ${said}\nIs there a repository at the following location?\n${label}\n`;
  expect(meaningOf(at(label), 'snapshots', 1, stderr).reason).toBe('repository_unreachable');
});

import { copyFile, mkdir } from 'node:fs/promises';
import path from 'node:path';
import { afterAll, afterEach, beforeAll, expect, it } from 'vitest';
import { digestOf } from '../lab/origins.ts';
import { type FaultSite, startFaultSite } from './fault-site.ts';
import { type FaultyServer, startFaultyServer } from './faulty-server.ts';

/** Where images come from, when it fails: one line, nothing in the datastore. */

let site: FaultSite;
let server: FaultyServer;

beforeAll(async () => {
  site = await startFaultSite();
  const directory = path.join(site.cluster.site.directory, 'origins');
  await mkdir(directory);
  await copyFile(site.file('frontend', '106', 'image'), path.join(directory, 'image'));
  server = await startFaultyServer(path.join(directory, 'image'));
});

afterAll(async () => {
  await server?.stop();
  await site?.stop();
});

afterEach(() => site.idle());

/** What is asked for, what the image's template says, the line: URL is the address. */
const HINT = String.raw`\(on frontend; check the address of the image and that this host can reach it\)`;
const LINES: readonly (readonly [what: string, name: string, template: Readonly<Record<string, string>>, line: string])[] = [
  ['ends early at every try', '/ends-early', {}, String.raw`URL: the download ended after \d+ of 25165824 bytes .*${HINT}`],
  ['has another MD5', '/whole', { MD5: '0'.repeat(32) }, String.raw`md5 of URL is [0-9a-f]{32}, expected 0{32} \(on frontend; .*\)`],
  ['has another SHA1', '/whole', { SHA1: '0'.repeat(40) }, String.raw`sha1 of URL is [0-9a-f]{40}, expected 0{40} \(on frontend; .*\)`],
  ['is not there', '/none', {}, String.raw`URL: the server answered 404, there is no such file \(on frontend\)`],
  ['may not be read', '/forbidden', {}, `URL: the server answered 403, it refuses access ${HINT}`],
  ['is asked of a broken server', '/broken', {}, `URL: the server answered 500 ${HINT}`],
  ['leads in a circle', '/circle', {}, `URL: more than 10 redirects ${HINT}`],
  ['leads to a file of the front-end', '/to-a-file', {}, `URL: redirected from http: to file:, which is not followed ${HINT}`],
];

it.each(LINES)('an image that %s is not registered', async (_what, name, template, line) => {
  const address = `${server.url}${name}`;
  const act = () => site.one.image('cp', site.image(address, { template }));
  await site.refuses(act, new RegExp(`^cp: ${line.replace('URL', address.replaceAll('.', '\\.'))}$`));
});

it('a checksum that is no checksum is refused before anything is fetched', async () => {
  await site.refuses(
    () => site.one.image('cp', site.image(`${server.url}/whole`, { template: { MD5: 'none' } })),
    /^cp: MD5 of the image is not 32 hexadecimal digits: "none"$/,
  );
});

it('the same image is registered when its checksum is right', async () => {
  const MD5 = await digestOf(site.file('frontend', '106', 'image'), 'md5');
  const result = await site.one.image('cp', site.image(`${server.url}/whole`, { template: { MD5 } }));
  expect([result.exit, result.info]).toEqual([0, expect.stringMatching(/^\/.*\/106\/[0-9a-f]{32} raw$/)]);
});

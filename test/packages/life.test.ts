import { existsSync } from 'node:fs';
import { mkdir, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, inject, it, onTestFailed } from 'vitest';
import { temporaryNames } from '../lab/leftovers.ts';
import { runLife, SMALL_SIZES } from '../lab/life.ts';
import { addDatastores, addVm, imageDisk } from '../lab/models.ts';
import { makeRaw } from '../lab/origins.ts';
import { sameContent } from '../lab/tools.ts';
import { prolog, terminate } from '../lab/transfer-scripts.ts';
import { packageFile } from './build.ts';
import { install, PackagedSite } from './site.ts';
import { lookCommands } from './walk.ts';

const MINUTES = 60_000;
const deb = (daemon: string, directory: string) => packageFile(directory, new RegExp(`${daemon}_.*_amd64\\.deb$`));

let site: PackagedSite;
beforeAll(async () => {
  // The kernel's limit for names of sockets and the machines' own /tmp: a short place outside of it.
  process.env['TMPDIR'] = '/srv';
  site = await PackagedSite.start(inject('baseRoot'), {
    agent: deb('agent', inject('packages')),
    controller: deb('controller', inject('packages')),
  });
}, 15 * MINUTES);
afterAll(async () => {
  await site?.stop();
  if (site !== undefined) await rm(site.site.directory, { recursive: true, force: true });
}, MINUTES);

const showJournals = () => onTestFailed(async () => void process.stderr.write(`${await site.journals()}\n`));

it('comes to be by the commands of README.md, from an empty host on', () => {
  const { transcript } = site;
  if (process.env['ONESTORAGE_TRANSCRIPT'] !== undefined) process.stderr.write(`${transcript}\n`);
  expect(transcript).not.toMatch(/^onestorage: /m);
  expect(transcript).toMatch(/onestorage setup\n[\s\S]*^\+TM_MAD_CONF[\s\S]*nothing was changed; to do it: onestorage setup --apply/m);
  expect(transcript).toMatch(/this host is host01, machine [0-9a-f]{32}/);
  // What setup leaves to do, and nothing else: oned reads its files when it starts, and hosts need the drivers.
  const [, first = '', second = ''] = transcript.split(/^root@frontend:~# onestorage doctor$/m);
  expect(first).toContain('systemctl restart opennebula');
  expect(first).toContain('onehost sync --force host01');
  expect(second).not.toContain('onehost sync');
  expect(transcript).toContain('TM_MAD  ssh -> agent_local');
  expect(site.one.model.datastores.get(100)?.tmMad).toBe('agent_local');
});

it('carries a virtual machine through its whole life by the installed shims', { timeout: 15 * MINUTES }, async () => {
  showJournals();
  const said: string[] = [];
  const rows = await runLife(site, SMALL_SIZES, (text) => said.push(text)).catch((thrown: unknown) => {
    throw new Error(said.join('\n'), { cause: thrown });
  });
  expect(rows.length).toBeGreaterThan(60);
});

it('loses no running operation when the packages are upgraded', { timeout: 10 * MINUTES }, async () => {
  showJournals();
  addDatastores(site.one.model);
  const source = join(site.agent('frontend').datastores, '106', 'image');
  await mkdir(join(source, '..'), { recursive: true });
  await makeRaw(source, 16, 0.5);
  const disk = imageDisk({ id: 0, source: `${site.one.model.datastoreLocation}/106/image`, sizeMb: 16 });
  const vm = addVm(site.one.model, { id: 41, disks: [disk], host: 'host01' });

  const hold = join(site.site.directory, 'hold');
  await writeFile(hold, '');
  await writeFile(site.failpoints('host01'), `transfer.receive.copy*=hold:${hold}`);
  const running = site.one.tm(prolog(site.one.model, vm));
  const held = () => expect.poll(() => existsSync(`${hold}.reached`), { timeout: 3 * MINUTES, interval: 50 }).toBe(true);
  await held();

  // In the middle of the copy: the host, whose new agent gets as far as the old one had; then the front-end with the controller the shim waits for.
  await rm(`${hold}.reached`);
  await install(site.machines.host01, [deb('agent', inject('nextRelease'))]);
  await held();
  await install(site.machines.frontend, [deb('agent', inject('nextRelease')), deb('controller', inject('nextRelease'))]);
  await writeFile(site.failpoints('host01'), '');
  await rm(hold);

  const results = await running;
  expect(results.map(({ exit, stderr }) => ({ exit, stderr }))).toEqual(results.map(() => ({ exit: 0, stderr: expect.any(String) })));
  await sameContent(source, 'raw', join(site.agent('host01').datastores, '107', '41', 'disk.0'), 'raw');
  expect(temporaryNames(site.agent('host01').datastores)).toEqual([]);
  // One action, one record: the shim found its operation again.
  const clones = (await site.operations()).filter(({ subject }) => subject === 'clone of disk 0 of VM 41');
  expect(clones.map(({ state }) => state)).toEqual(['succeeded']);
  const [ended] = await site.one.tm(terminate(site.one.model, vm));
  expect(ended?.exit).toBe(0);
});

it('has every command that README.md shows', { timeout: 5 * MINUTES }, async () => {
  const [operation] = await site.operations();
  for (const shown of lookCommands()) {
    const command = shown
      .replace(/[0-9a-f]{8}-[0-9a-f-]{27}/, operation?.id ?? '')
      .replace('/var/lib/one/datastores', site.one.model.datastoreLocation);
    // One that goes on until it is stopped is stopped.
    const printed = await site.machines.frontend.shell(`timeout 5 ${command} 2>&1 >/dev/null || case $? in 1|2|124) ;; *) exit 9 ;; esac`);
    expect(printed, command).toMatch(/^(?:onestorage: [^\n]+\n(?: {2}hint: [^\n]+\n)?)?$/);
    expect(printed, command).not.toMatch(/unknown (?:command|option)/);
  }
});

import { cpSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { ROOT } from '../../packaging/places.ts';
import type { HostName } from '../lab/site.ts';
import { own, type PackagedSite } from './site.ts';

/** What stands in README.md between an empty host and its first machine, done on booted machines word by word. */

const STOCK = join(ROOT, 'test/fixtures/front-end/7');
/** A system datastore with stock drivers, as every OpenNebula has it. */
const ADOPTED = 100;

/** The commands of the worked example, without the words that only a checkout needs. */
export function exampleCommands(): readonly string[] {
  const text = readFileSync(join(ROOT, 'README.md'), 'utf8');
  const block = /^```console\n(\$ npx onestorage setup [^`]*)^```$/mu.exec(text)?.[1] ?? '';
  return commandsOf(block);
}

/** The commands that look at a site. */
export function lookCommands(): readonly string[] {
  const text = readFileSync(join(ROOT, 'README.md'), 'utf8');
  const block = /^## Look at it\n+```console\n(.*?)^```$/msu.exec(text)?.[1] ?? '';
  return commandsOf(block);
}

function commandsOf(block: string): readonly string[] {
  return [...block.matchAll(/^\$ npx (.*?)(?:\s+#.*)?$/gmu)].map(([, command = '']) => command);
}

/** Walks it; gives what was typed and printed. `configure`: what this site has that others have not, between setup and the start of the daemons. */
export async function walk(site: PackagedSite, configure: (name: HostName) => Promise<void>): Promise<string> {
  const transcript: string[] = [];
  const done: string[] = [];
  const type = async (name: HostName, command: string, example = command): Promise<string> => {
    // The doctor's status says that something is left to do: it is read, not judged here.
    const printed = await site.machines[name].shell(`{ ${command}; } 2>&1 || [ $? -eq 1 ]`);
    transcript.push(`root@${name}:~# ${command}\n${printed}`);
    done.push(example);
    return printed;
  };
  const start = async (name: HostName, units: string): Promise<void> => {
    await configure(name);
    await type(name, `systemctl enable --now ${units}`, '');
    await site.answering(name);
  };

  stockFrontEnd(site);
  await type('frontend', 'onestorage setup');
  await type('frontend', 'onestorage setup --apply');
  await start('frontend', 'onestorage-agent onestorage-controller');
  for (const name of ['host01', 'host02'] as const) {
    // All machines have the address of the test.
    const added = await type(
      'frontend',
      `onestorage host add ${name} --address ${site.agent(name).address}`,
      `onestorage host add ${name}`,
    );
    const token = /onestorage agent join (\S+)/u.exec(added)?.[1] ?? '';
    await type(name, `onestorage agent join ${token}`, 'onestorage agent join TOKEN');
    await start(name, 'onestorage-agent');
  }
  await type('frontend', 'onestorage doctor');
  syncDrivers(site);
  await type('frontend', 'onestorage doctor', '');
  addStockDatastore(site);
  await type('frontend', `onestorage adopt ${ADOPTED}`);
  await type('frontend', `onestorage adopt ${ADOPTED} --apply`, '');
  const [missing] = exampleCommands().filter((command) => !done.includes(command));
  if (missing !== undefined) throw new Error(`README.md has a command that is not walked: ${missing}`);
  return transcript.join('\n');
}

function addStockDatastore({ one: { model }, site }: PackagedSite): void {
  const basePath = `${model.datastoreLocation}/${ADOPTED}`;
  model.datastores.set(ADOPTED, { id: ADOPTED, name: 'system', type: 1, dsMad: '-', tmMad: 'ssh', basePath, template: {} });
  for (const { datastores } of Object.values(site.hosts)) {
    mkdirSync(join(datastores, String(ADOPTED)));
    own(datastores);
  }
}

/** What setup finds on a front-end: files of OpenNebula's packages. */
function stockFrontEnd({ machines }: PackagedSite): void {
  const at = (path: string): string => join(machines.frontend.root.directory, path);
  for (const path of ['etc/one/vmm_exec', 'var/lib/one/remotes/tm/ssh', 'var/lib/one/remotes/datastore/fs'])
    mkdirSync(at(path), { recursive: true });
  cpSync(join(STOCK, 'oned.conf'), at('etc/one/oned.conf'));
  cpSync(join(STOCK, 'vmm_execrc'), at('etc/one/vmm_exec/vmm_execrc'));
  writeFileSync(at('var/lib/one/remotes/VERSION'), '7.4.0');
  // Whoever owns the tree runs oned.
  own(at('var/lib/one/remotes'));
}

/** `onehost sync`: links followed. */
function syncDrivers({ machines }: PackagedSite): void {
  const from = join(machines.frontend.root.directory, 'var/lib/one/remotes');
  for (const name of ['host01', 'host02'] as const) {
    cpSync(from, join(machines[name].root.directory, 'var/tmp/one'), { recursive: true, dereference: true });
  }
}

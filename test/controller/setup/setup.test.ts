import { execFile } from 'node:child_process';
import { chmodSync, existsSync, readdirSync, readFileSync, rmSync, statSync, symlinkSync, writeFileSync } from 'node:fs';
import { rename } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterEach, describe, expect, it } from 'vitest';
import { agentConfigSchema } from '../../../agent/config.ts';
import { controllerConfig } from '../../../controller/config.ts';
import type { Places } from '../../../controller/setup/places.ts';
import { applySetup, planSetup, undoSetup } from '../../../controller/setup/setup.ts';
import { loadConfig } from '../../../runtime/config.ts';
import { loadIdentity } from '../../../runtime/identity/identity.ts';
import { frontEnd } from './front-end.ts';

/** The program itself, on real files. */

const execute = promisify(execFile);
const ONESTORAGE = join(import.meta.dirname, '../../../packaging/onestorage');
const MACHINE = '0123456789abcdef0123456789abcdef';

const roots: string[] = [];
afterEach(() => {
  for (const root of roots.splice(0)) rmSync(root, { recursive: true, force: true });
});

function made(...words: Parameters<typeof frontEnd>): Places {
  const { root, places } = frontEnd(...words);
  roots.push(root);
  return places;
}

interface Ran {
  readonly status: number | string;
  readonly out: string;
  readonly err: string;
}

async function setup(places: Places, words: readonly string[], environment: Readonly<Record<string, string>> = {}): Promise<Ran> {
  const { remotes, onedConf, vmmExecrc, etc, stateDirectory } = places;
  const options = ['--remotes', remotes, '--oned-conf', onedConf, '--vmm-execrc', vmmExecrc, '--etc', etc, '--state', stateDirectory];
  const argv = ['setup', '--machine-id', MACHINE, '--endpoint', 'http://127.0.0.1:1/RPC2', ...options, ...words];
  try {
    const { stdout, stderr } = await execute(ONESTORAGE, argv, { env: { ...process.env, ...environment } });
    return { status: 0, out: stdout, err: stderr };
  } catch (thrown) {
    const { code, signal, stdout, stderr } = thrown as { code: number; signal: string | null; stdout: string; stderr: string };
    return { status: signal ?? code, out: stdout, err: stderr };
  }
}

/** Every file below a directory with mode and content. */
function tree(directory: string): Readonly<Record<string, string>> {
  const names = readdirSync(directory, { recursive: true, withFileTypes: true }).filter((one) => one.isFile() || one.isSymbolicLink());
  return Object.fromEntries(
    names.map((one) => {
      const path = join(one.parentPath, one.name);
      return [path.slice(directory.length + 1), `${(statSync(path).mode & 0o7777).toString(8)} ${readFileSync(path, 'latin1')}`] as const;
    }),
  );
}

const openNebula = (places: Places): string => join(places.remotes, '../..');

describe.each(['6.10', '7'] as const)('onestorage setup on OpenNebula %s', { timeout: 300_000 }, (version) => {
  it('shows what it would do and changes nothing, does it once, and takes it back byte for byte', async () => {
    const places = made(version);
    const before = tree(openNebula(places));
    const shown = await setup(places, []);
    expect(shown).toMatchObject({ status: 0, err: '' });
    expect(shown.out).toContain(`OpenNebula ${version}, front-end `);
    expect(shown.out).toMatch(/^\+ {4}ARGUMENTS = "-t 15 -d .*,agent_local"$/m);
    expect(shown.out).toMatch(/^\+LIVE_DISK_SNAPSHOTS=".* kvm-agent_local qemu-agent_local"$/m);
    expect(shown.out).toContain('nothing was changed; to do it: onestorage setup --apply');
    expect(tree(openNebula(places))).toEqual(before);
    expect(existsSync(places.etc)).toBe(false);

    const done = await setup(places, ['--apply']);
    expect(done).toMatchObject({ status: 0, err: '' });
    expect(done.out).toContain('systemctl restart opennebula');
    expect(done.out).toContain('onehost sync');
    expect(readFileSync(places.onedConf, 'latin1')).toContain('TM_MAD_CONF = [ NAME = "agent_local"');
    expect(statSync(places.onedConf).mode & 0o777).toBe(0o640);
    expect(existsSync(join(places.remotes, 'tm/agent_local/clone'))).toBe(true);
    // What it wrote is what the daemons take.
    const config = await loadConfig(join(places.etc, 'controller.yaml'), controllerConfig, 'X_');
    expect(config).toMatchObject({ opennebula: { version }, enrolment: { authority: join(places.etc, 'authority') } });
    const agent = await loadConfig(join(places.etc, 'agent.yaml'), agentConfigSchema, 'X_');
    expect(await loadIdentity(config.pki, 'controller')).toMatchObject({ hostName: config.front_end.names[0] });
    expect(await loadIdentity(agent.pki, 'agent')).toMatchObject({ machineId: MACHINE });
    expect(statSync(join(places.etc, 'authority/ca-key.pem')).mode & 0o777).toBe(0o600);
    // The copy holds the password of the database.
    for (const name of readdirSync(join(places.etc, 'setup'))) expect(statSync(join(places.etc, 'setup', name)).mode & 0o777).toBe(0o600);

    const after = tree(openNebula(places));
    expect((await setup(places, ['--apply'])).out).not.toContain('restart opennebula');
    expect(tree(openNebula(places))).toEqual(after);
    expect((await setup(places, [])).out).toContain('nothing is to be done');

    const undone = await setup(places, ['--undo']);
    expect(undone).toMatchObject({ status: 0, err: '' });
    expect(tree(openNebula(places))).toEqual(before);
    expect(readdirSync(places.etc).sort()).toEqual(['authority', 'controller-pki', 'pki']);
    // Again is safe, and setup after it has the same authority.
    expect((await setup(places, ['--undo'])).status).toBe(0);
    const authority = readFileSync(join(places.etc, 'authority/ca.pem'), 'utf8');
    expect((await setup(places, ['--apply'])).status).toBe(0);
    expect(tree(openNebula(places))).toEqual(after);
    expect(readFileSync(join(places.etc, 'authority/ca.pem'), 'utf8')).toBe(authority);
  });
});

describe('onestorage setup', { timeout: 600_000 }, () => {
  it('killed at any step is finished by the next one, or undone', async () => {
    const reference = made('7');
    const untouched = tree(openNebula(reference));
    const trace = join(reference.etc, '../trace');
    await setup(reference, ['--apply'], { ONESTORAGE_FAILPOINTS_TRACE: trace });
    const points = [...new Set(readFileSync(trace, 'utf8').trim().split('\n'))];
    expect(points).toEqual(
      expect.arrayContaining(['setup.copied', 'setup.vmm_execrc.end', 'setup.oned.conf.begin', 'setup.oned.conf.end']),
    );
    const whole = tree(openNebula(reference));
    // A start of the program is the slow part: what is not killed runs here.
    const apply = async (places: Places) => applySetup(places, await planSetup({ places, machineId: MACHINE }));
    for (const [index, point] of points.entries()) {
      const places = made('7');
      expect((await setup(places, ['--apply'], { ONESTORAGE_FAILPOINTS: `${point}=kill` })).status, point).toBe('SIGKILL');
      if (index % 2 === 0) {
        await undoSetup(places);
        expect(tree(openNebula(places)), point).toEqual(untouched);
      }
      await apply(places);
      expect(tree(openNebula(places)), point).toEqual(whole);
      await undoSetup(places);
      expect(tree(openNebula(places)), point).toEqual(untouched);
    }
    for (const kind of ['oned.conf', 'vmm_execrc', 'config']) {
      const places = made('7');
      await apply(places);
      expect((await setup(places, ['--undo'], { ONESTORAGE_FAILPOINTS: `setup.undo.${kind}=kill` })).status, kind).toBe('SIGKILL');
      await undoSetup(places);
      expect(tree(openNebula(places)), kind).toEqual(untouched);
    }
  });

  it('takes out its own lines alone when a file was changed since', async () => {
    const places = made('7');
    const before = readFileSync(places.onedConf, 'latin1');
    await setup(places, ['--apply']);
    writeFileSync(places.onedConf, readFileSync(places.onedConf, 'latin1').replace('PORT = 2633', 'PORT = 2634'), 'latin1');
    // Again, with the change in it: then an undo must not bring the old text back.
    await setup(places, ['--apply']);
    writeFileSync(join(places.etc, 'agent.yaml'), 'log_level: debug\n');
    const undone = await setup(places, ['--undo']);
    expect(undone.out).toMatch(/^ours taken out +.*oned\.conf$/m);
    expect(undone.out).toMatch(/^kept +.*agent\.yaml$/m);
    expect(readFileSync(places.onedConf, 'latin1')).toBe(before.replace('PORT = 2633', 'PORT = 2634'));
  });

  it('refuses what it does not understand before anything is changed', async () => {
    const places = made('7', 'THIS is not a template\n');
    const before = tree(openNebula(places));
    const refused = await setup(places, ['--apply']);
    expect(refused).toMatchObject({ status: 1, out: '' });
    expect(refused.err).toMatch(
      /^onestorage: \S+oned\.conf:\d+: expected '=' after THIS, found 'is not a template'; nothing was changed\n {2}hint: /,
    );
    expect(tree(openNebula(places))).toEqual(before);
    expect(existsSync(places.etc)).toBe(false);
  });

  it('keeps links, other encodings, and configurations of an administrator', async () => {
    const places = made('6.10', '# Gr\u00fc\u00dfe in Latin-1: \xe9\n');
    const real = `${places.onedConf}.real`;
    await rename(places.onedConf, real);
    symlinkSync(real, places.onedConf);
    chmodSync(real, 0o600);
    const before = readFileSync(real);
    await setup(places, ['--apply']);
    expect(readFileSync(places.onedConf).subarray(0, 100)).toEqual(before.subarray(0, 100));
    expect(readFileSync(places.onedConf).includes(Buffer.from([0xe9, 0x0a]))).toBe(true);
    expect(statSync(real).mode & 0o777).toBe(0o600);
    await setup(places, ['--undo']);
    expect(readFileSync(real)).toEqual(before);
    expect(readFileSync(places.onedConf)).toEqual(before);

    writeFileSync(join(places.etc, 'controller.yaml'), '# all commented\n# port: 1\n');
    writeFileSync(join(places.etc, 'agent.yaml'), 'log_level: debug\n');
    await setup(places, ['--apply']);
    expect(readFileSync(join(places.etc, 'controller.yaml'), 'utf8')).toMatch(
      /^# all commented\n# port: 1\n\n# Written by "onestorage setup"/,
    );
    expect(readFileSync(join(places.etc, 'agent.yaml'), 'utf8')).toBe('log_level: debug\n');
    writeFileSync(join(places.etc, 'controller.yaml'), 'opennebula: { version: "7" }\n');
    expect((await setup(places, [])).err).toContain('opennebula.version is 7, this OpenNebula is 6.10');
  });

  it('says which OpenNebula it does not know', async () => {
    const places = made('7');
    writeFileSync(join(places.remotes, 'VERSION'), '5.12.0\n');
    expect((await setup(places, [])).err).toContain('this is OpenNebula 5.12.0: 6.10 and 7 are supported');
    expect((await setup(places, ['--opennebula', '6.10'])).out).toContain('OpenNebula 6.10');
    rmSync(join(places.remotes, 'VERSION'));
    expect((await setup(places, [])).err).toContain('does not say which OpenNebula this is');
    rmSync(places.onedConf);
    expect((await setup(places, [])).err).toContain('is not there: run this on the front-end of OpenNebula');
  });
});

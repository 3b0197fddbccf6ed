import { execFileSync } from 'node:child_process';
import { copyFileSync, mkdirSync, mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { describe, expect, inject, it } from 'vitest';
import { tree } from '../lab/leftovers.ts';
import { packageFile } from './build.ts';
import { Machine, type Root } from './machine.ts';

const packages = inject('packages');
const baseRoot = inject('baseRoot');
const MINUTES = 60_000;

const deb = (daemon: string) => packageFile(packages, new RegExp(`${daemon}_.*_amd64\\.deb$`));
const nextDeb = (daemon: string) => packageFile(inject('nextRelease'), new RegExp(`${daemon}_.*_amd64\\.deb$`));
const rpm = (daemon: string) => packageFile(packages, new RegExp(`${daemon}-.*x86_64\\.rpm$`));

/** Puts packages into a tree; gives their paths in it. */
function bring(root: string, files: readonly string[]): string[] {
  for (const file of files) copyFileSync(file, join(root, 'root', basename(file)));
  return files.map((file) => `/root/${basename(file)}`);
}

/** All names of a machine but those that change by themselves. */
async function names(machine: Machine): Promise<string[]> {
  const skipped = [
    '/proc',
    '/sys',
    '/dev',
    '/tmp',
    '/root',
    '/var/log',
    '/var/lib/dpkg',
    '/var/lib/systemd',
    '/var/cache',
    '/run/systemd',
    '/run/udev',
    '/run/log',
  ];
  const prune = skipped.flatMap((path) => ['-path', path, '-prune', '-o']);
  const text = await machine.run('find', '/', ...prune, '-print');
  return text.trim().split('\n').toSorted();
}

const ENROL = `
  onestorage pki init /etc/onestorage/authority
  onestorage pki issue /etc/onestorage/authority --role agent --host host01 --machine-id "$(cat /etc/machine-id)" --out /etc/onestorage/pki
  onestorage pki issue /etc/onestorage/authority --role controller --host host01 --out /etc/onestorage/controller-pki
  printf '%s\\n' 'pki: /etc/onestorage/controller-pki' >> /etc/onestorage/controller.yaml
  chown -R oneadmin: /etc/onestorage/authority /etc/onestorage/pki /etc/onestorage/controller-pki
  install -d -o oneadmin /var/lib/one/.one
  echo oneadmin:secret > /var/lib/one/.one/one_auth
`;

const ANSWERS = `
  for socket in agent controller; do
    tries=0
    until curl -s --unix-socket /run/onestorage/$socket.sock -o /dev/null http://onestorage/v1/health; do
      tries=$((tries + 1)); [ $tries -lt 600 ] || exit 1; sleep 0.2
    done
  done
`;

describe('on a clean Debian', () => {
  it('packages are installed, started, upgraded, removed and purged, and leave nothing', { timeout: 20 * MINUTES }, async () => {
    const machine = await Machine.boot('clean', { baseRoot });
    try {
      const before = await names(machine);
      const first = bring(machine.root.directory, [deb('agent'), deb('controller')]);
      await machine.run('dpkg', '--install', ...first);
      // Not enrolled: nothing runs, and nothing has failed.
      expect((await machine.try('systemctl', 'is-active', 'onestorage-agent', 'onestorage-controller')).trim().split('\n')).toEqual([
        'inactive',
        'inactive',
      ]);
      expect((await machine.try('systemctl', 'is-enabled', 'onestorage-agent', 'onestorage-controller')).trim().split('\n')).toEqual([
        'enabled',
        'enabled',
      ]);
      expect(await machine.run('systemctl', '--failed', '--no-legend')).toBe('');

      await machine.shell(ENROL);
      await machine.run('systemctl', 'start', 'onestorage-agent', 'onestorage-controller');
      await machine.shell(ANSWERS);
      expect((await machine.run('stat', '--format=%U', '/run/onestorage/agent.sock', '/run/onestorage/controller.sock')).trim()).toBe(
        'oneadmin\noneadmin',
      );

      // A driver in OpenNebula's tree comes along.
      await machine.shell(
        'install -d -o oneadmin /var/lib/one/remotes; runuser -u oneadmin -- onestorage shims install /var/lib/one/remotes',
      );
      await machine.shell('echo "# old" >> /var/lib/one/remotes/onestorage/shim.sh');
      const pids = await pidsOf(machine);
      await machine.run('dpkg', '--install', ...bring(machine.root.directory, [nextDeb('agent'), nextDeb('controller')]));
      await machine.shell(ANSWERS);
      expect(await pidsOf(machine)).not.toEqual(pids);
      expect(await machine.run('dpkg-query', '--show', 'onestorage-agent', 'onestorage-controller')).toMatch(/-2\n.*-2\n$/);
      expect(await machine.run('tail', '-n1', '/var/lib/one/remotes/onestorage/shim.sh')).not.toContain('# old');
      // The configuration that was changed is still the operator's.
      expect(await machine.run('tail', '-n1', '/etc/onestorage/controller.yaml')).toContain('controller-pki');
      await machine.run('dpkg', '--install', ...first);
      await machine.shell(ANSWERS);

      await machine.run('dpkg', '--remove', 'onestorage-controller', 'onestorage-agent');
      expect((await machine.try('pgrep', '--full', '/usr/bin/onestorage')).trim()).toBe('');
      expect(await machine.run('ls', '/etc/onestorage', '/var/lib/onestorage')).toMatch(/agent\.yaml[\s\S]*controller/);
      expect(await machine.run('find', '/var/lib/one/remotes', '-type', 'l')).toBe('');

      await machine.run('dpkg', '--purge', 'onestorage-controller', 'onestorage-agent');
      await machine.shell('rm -rf /var/lib/one/.one /var/lib/one/remotes; rmdir /var/lib/one/datastores /var/lib/one 2>/dev/null || true');
      const left = (await names(machine)).filter((name) => !before.includes(name));
      // The user stays, as Debian's policy has it for one that may own files; these are what making it left.
      expect(left.filter((name) => !/^\/etc\/(?:passwd|group|shadow|gshadow)-$|^\/etc\/\.pwd\.lock$/.test(name))).toEqual([]);
      expect(await machine.run('systemctl', '--failed', '--no-legend')).toBe('');
    } catch (thrown) {
      throw new Error(`${await machine.journal('onestorage-agent')}\n${await machine.journal('onestorage-controller')}`, { cause: thrown });
    } finally {
      await machine.stop();
    }
  });
});

function pidsOf(machine: Machine): Promise<string> {
  return machine.run('systemctl', 'show', '--property=MainPID', 'onestorage-agent', 'onestorage-controller');
}

describe('the rpms', () => {
  it('go into an empty tree, and out of it again', { timeout: 5 * MINUTES }, () => {
    const directory = mkdtempSync(join(tmpdir(), 'onestorage-rpm-'));
    const rpmOf = (...words: readonly string[]) =>
      execFileSync('rpm', ['--root', directory, '--dbpath', '/var/lib/rpm', ...words], {
        encoding: 'utf8',
        stdio: ['ignore', 'pipe', 'pipe'],
      });
    const own = () => tree(directory).filter((name) => !name.startsWith('var/'));
    try {
      rpmOf('--initdb');
      rpmOf('--install', '--nodeps', '--noscripts', rpm('agent'), rpm('controller'));
      expect(readdirSync(join(directory, 'usr/bin'))).toEqual(['onestorage']);
      expect(rpmOf('--query', '--configfiles', 'onestorage-agent', 'onestorage-controller').trim().split('\n')).toEqual([
        '/etc/onestorage/agent.yaml',
        '/etc/onestorage/controller.yaml',
      ]);
      expect(rpmOf('--verify', '--nodeps', 'onestorage-agent', 'onestorage-controller')).toBe('');
      rpmOf('--erase', '--nodeps', '--noscripts', 'onestorage-agent', 'onestorage-controller');
      // Directories of the system's own, which no package here made.
      expect(own().filter((name) => !name.endsWith('/'))).toEqual([]);
      expect(own().filter((name) => name.includes('onestorage'))).toEqual([]);
    } finally {
      rmSync(directory, { recursive: true, force: true });
    }
  });

  it('make user and directories by their scripts, start under systemd, and take away what is empty', { timeout: 5 * MINUTES }, async () => {
    // No distribution with rpm is at hand: it is a Debian, whose packages do not fulfil what the rpms require by other names.
    const rpmIn = (directory: string, ...words: readonly string[]) => {
      // systemd-tmpfiles works through it.
      execFileSync('mount', ['-t', 'proc', 'proc', join(directory, 'proc')]);
      try {
        execFileSync('rpm', ['--root', directory, '--dbpath', '/var/lib/rpm', ...words], { stdio: ['ignore', 'pipe', 'pipe'] });
      } finally {
        execFileSync('umount', [join(directory, 'proc')]);
      }
    };
    const prepare = ({ directory }: Root): void => {
      mkdirSync(join(directory, 'var/lib/rpm'), { recursive: true });
      rpmIn(directory, '--initdb');
      rpmIn(directory, '--install', '--nodeps', rpm('agent'), rpm('controller'));
    };
    const machine = await Machine.boot('fedora', { baseRoot, prepare });
    const units = ['onestorage-agent', 'onestorage-controller'];
    try {
      expect(await machine.run('stat', '--format=%U %a', '/etc/onestorage/pki', '/etc/onestorage/authority')).toBe(
        'oneadmin 700\noneadmin 700\n',
      );
      await machine.shell(ENROL);
      await machine.run('systemctl', 'start', ...units);
      await machine.shell(ANSWERS);
      expect(await machine.run('systemctl', 'show', '--property=User', ...units)).toBe('User=oneadmin\n\nUser=oneadmin\n');
      await machine.run('systemctl', 'stop', ...units);
      await machine.shell('rm -r /etc/onestorage/authority /etc/onestorage/pki /etc/onestorage/controller-pki /var/lib/onestorage');
      const { directory } = machine.root;
      rpmIn(directory, '--erase', '--nodeps', 'onestorage-controller', 'onestorage-agent');
      const left = tree(directory).filter((name) => name.includes('onestorage') && !/^var\/(?:lib\/(?:rpm|systemd)|log)\//.test(name));
      // What an administrator has changed is kept under another name.
      expect(left).toEqual(['etc/onestorage/', 'etc/onestorage/controller.yaml.rpmsave']);
    } catch (thrown) {
      throw new Error(`${await machine.journal('onestorage-agent')}\n${await machine.journal('onestorage-controller')}`, { cause: thrown });
    } finally {
      await machine.stop();
    }
  });
});

import { type ChildProcess, spawn } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { openSync, readdirSync, readFileSync, readlinkSync } from 'node:fs';
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { setTimeout as delay } from 'node:timers/promises';
import { tool } from './tools.ts';

/** A libvirt of its own: daemons, guests and files are gone when it stops, or when this process dies in whatever way. */
export interface Libvirt {
  readonly directory: string;
  /** What virsh -c and the agent's libvirt_uri take. */
  readonly uri: string;
  virsh(...argv: readonly string[]): Promise<string>;
  /** The first process of its namespaces: what nsenter takes. */
  readonly pid: number;
  /** Ends the daemon alone, as a crash would; guests go on. */
  killDaemon(): Promise<void>;
  startDaemon(): Promise<void>;
  /** Stops every process in its namespaces, guests and agent too: to others the host is cut off. */
  hang(): void;
  goOn(): void;
  stop(): Promise<void>;
}

export interface LibvirtOptions {
  /** Directories that its guests find under another name: each host of a site has the datastores at the same path. */
  readonly binds?: readonly { readonly from: string; readonly to: string }[];
}

const READY_MS = 180_000;

/** Everything of the host that libvirt writes to, each in the private directory. */
const PRIVATE = ['/run', '/etc/libvirt', '/var/lib/libvirt', '/var/cache/libvirt', '/var/log/libvirt'] as const;

/**
 * Starts virtlogd and libvirtd in namespaces of their own: the first process of the PID namespace dies with this one, and the kernel then kills
 * every process in it, guests too. The socket is reached by its path, so clients need no namespace. Needs root.
 */
export async function startLibvirt({ binds = [] }: LibvirtOptions = {}): Promise<Libvirt> {
  // Short: the name of a socket holds 107 characters.
  const directory = await mkdtemp('/tmp/onelv-');
  const at = (name: string) => `${directory}/${name}`;
  for (const name of PRIVATE) await mkdir(at(name.slice(1).replaceAll('/', '-')), { recursive: true });
  await mkdir(at('sock'));
  const etc = 'etc-libvirt';
  await mkdir(at(`${etc}/qemu/networks`), { recursive: true });
  const socket = `${directory}/sock/libvirt-sock`;
  await writeFile(
    at(`${etc}/libvirtd.conf`),
    `unix_sock_dir = "${directory}/sock"\nauth_unix_rw = "none"\nauth_unix_ro = "none"\nunix_sock_rw_perms = "0700"\nlog_level = 3\nlog_outputs = "3:file:${directory}/libvirtd.log"\nkeepalive_interval = -1\nhost_uuid = "${randomUUID()}"\n`,
  );
  await writeFile(
    at(`${etc}/qemu.conf`),
    'user = "root"\ngroup = "root"\ndynamic_ownership = 0\nremember_owner = 0\nsecurity_driver = "none"\nnamespaces = []\ncgroup_controllers = []\n',
  );
  await writeFile(at(`${etc}/virtlogd.conf`), '');
  const script = [
    'set -e',
    'mount --make-rprivate /',
    ...PRIVATE.map((name) => `mkdir -p ${name}; mount --bind ${at(name.slice(1).replaceAll('/', '-'))} ${name}`),
    ...binds.map(({ from, to }) => `mkdir -p ${to}; mount --bind ${from} ${to}`),
    'mkdir -p /run/lock',
    'virtlogd -d',
    // bash, because the first process of a PID namespace must reap what daemons leave, and other shells do not.
    // Read a line a command: the daemon can be ended and started again without leaving the namespace.
    `while read -r word; do case $word in start) libvirtd & echo $! >${directory}/libvirtd.pid ;; kill) kill -9 $(cat ${directory}/libvirtd.pid); wait || true; echo killed ;; esac; done`,
  ].join('\n');
  const log = openSync(at('output.log'), 'a');
  const child = spawn(
    'setpriv',
    ['--pdeathsig', 'KILL', 'unshare', '--mount', '--pid', '--fork', '--kill-child=KILL', '--mount-proc', 'bash', '-c', script],
    { stdio: ['pipe', 'pipe', log] },
  );
  const uri = `qemu+unix:///system?socket=${socket}`;
  const virsh = (...argv: readonly string[]): Promise<string> => tool('virsh', ['-c', uri, '-q', ...argv]);
  const libvirt: Libvirt = {
    directory,
    uri,
    virsh,
    get pid() {
      return Number(readFileSync(`/proc/${child.pid}/task/${child.pid}/children`, 'utf8').trim());
    },
    killDaemon: async () => {
      const answered = child.stdout === null ? Promise.resolve([]) : once(child.stdout, 'data');
      child.stdin?.write('kill\n');
      await answered;
    },
    startDaemon: async () => {
      child.stdin?.write('start\n');
      await ready(child, virsh, directory);
    },
    hang: () => signalAll(Number(child.pid), 'SIGSTOP'),
    goOn: () => signalAll(Number(child.pid), 'SIGCONT'),
    stop: async () => {
      const gone = child.exitCode === null && child.signalCode === null ? once(child, 'exit') : Promise.resolve([]);
      child.kill('SIGKILL');
      await gone;
      await removeFiles(directory);
    },
  };
  try {
    await libvirt.startDaemon();
    return libvirt;
  } catch (thrown) {
    await libvirt.stop();
    throw thrown;
  }
}

/** The processes of the PID namespace of this process's child. Which they are says `/proc`. */
function signalAll(parent: number, signal: NodeJS.Signals): void {
  const own = readlinkSync(`/proc/${parent}/ns/pid_for_children`);
  for (const name of readdirSync('/proc')) {
    if (!/^\d+$/.test(name)) continue;
    try {
      if (readlinkSync(`/proc/${name}/ns/pid`) === own) process.kill(Number(name), signal);
    } catch {
      // It has ended, or is not ours to look at.
    }
  }
}

/** The kernel still ends the namespace's processes when its first one has gone: their files may come back once. */
async function removeFiles(directory: string): Promise<void> {
  await rm(directory, { recursive: true, force: true, maxRetries: 20, retryDelay: 100 });
}

async function ready(child: ChildProcess, virsh: Libvirt['virsh'], directory: string): Promise<void> {
  const until = Date.now() + READY_MS;
  for (;;) {
    try {
      await virsh('uri');
      return;
    } catch (thrown) {
      const ended = child.exitCode !== null || child.signalCode !== null;
      if (!ended && Date.now() < until) {
        await delay(100);
        continue;
      }
      const log = await readFile(`${directory}/output.log`, 'utf8').catch(() => '');
      throw new Error(`libvirtd ${ended ? 'ended' : 'is not ready'}: ${log.slice(-2000)}`, { cause: thrown });
    }
  }
}

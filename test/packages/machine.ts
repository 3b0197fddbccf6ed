import { type ChildProcess, execFile, execFileSync, spawn, spawnSync } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { promisify } from 'node:util';
import { CACHE } from '../../packaging/places.ts';

const run = promisify(execFile);
const BOOT_MS = 180_000;

export interface MachineOptions {
  readonly baseRoot: string;
  /** Directories that are at the same place inside and outside. */
  readonly binds?: readonly string[];
  /** Works on the tree before it is booted. */
  readonly prepare?: (root: Root) => void;
}

/** A tree of its own over the base: what is changed in it is gone when it is removed. */
export class Root {
  readonly directory: string;
  readonly #work: string;

  constructor(baseRoot: string) {
    mkdirSync(CACHE, { recursive: true });
    this.#work = mkdtempSync(join(CACHE, 'machine-'));
    const [upper, work, merged] = ['upper', 'work', 'merged'].map((name) => join(this.#work, name));
    for (const directory of [upper, work, merged]) mkdirSync(directory ?? '');
    this.directory = merged ?? '';
    execFileSync('mount', ['-t', 'overlay', 'overlay', '-o', `lowerdir=${baseRoot},upperdir=${upper},workdir=${work}`, this.directory]);
  }

  /** Runs a program in it, without a machine: chroot. */
  chroot(...words: readonly string[]): string {
    return execFileSync('chroot', [this.directory, ...words], { encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'] });
  }

  remove(): void {
    execFileSync('umount', ['--lazy', this.directory]);
    rmSync(this.#work, { recursive: true, force: true });
  }
}

/** Takes away the trees of a run that was killed. */
export function removeStaleRoots(): void {
  for (const name of existsSync(CACHE) ? readdirSync(CACHE).filter((entry) => entry.startsWith('machine-')) : []) {
    spawnSync('umount', ['--lazy', join(CACHE, name, 'merged')]);
    rmSync(join(CACHE, name), { recursive: true, force: true });
  }
}

/** A booted machine: systemd as process 1, its own tree, the network of the test. */
export class Machine {
  readonly root: Root;
  readonly #child: ChildProcess;
  readonly #leader: number;

  private constructor(root: Root, child: ChildProcess, leader: number) {
    this.root = root;
    this.#child = child;
    this.#leader = leader;
  }

  static async boot(name: string, { baseRoot, binds = [], prepare }: MachineOptions): Promise<Machine> {
    const root = new Root(baseRoot);
    try {
      prepare?.(root);
    } catch (thrown) {
      root.remove();
      throw thrown;
    }
    writeFileSync(join(root.directory, 'etc/hostname'), `${name}\n`);
    // Machines that were copied with their id would be taken for one.
    writeFileSync(join(root.directory, 'etc/machine-id'), `${randomUUID().replaceAll('-', '')}\n`);
    writeFileSync(join(root.directory, 'etc/hosts'), `127.0.0.1 localhost ${name}\n`);
    const words = [
      '--quiet',
      '--register=no',
      '--keep-unit',
      '--console=pipe',
      `--hostname=${name}`,
      `--machine=onestorage-${name}-${process.pid}`,
    ];
    const child = spawn(
      'setpriv',
      ['--pdeathsig', 'TERM', 'systemd-nspawn', ...words, '-D', root.directory, ...binds.map((path) => `--bind=${path}`), '--boot'],
      { stdio: 'ignore' },
    );
    const deadline = Date.now() + BOOT_MS;
    while (Date.now() < deadline && child.exitCode === null) {
      const leader = leaderOf(child.pid);
      if (leader !== undefined) {
        const machine = new Machine(root, child, leader);
        const state = await machine.try('systemctl', 'is-system-running', '--wait');
        if (/running|degraded/u.test(state)) return machine;
      }
      await delay(200);
    }
    child.kill('SIGKILL');
    throw new Error(`the machine ${name} did not come up (${child.exitCode ?? 'no end'})`);
  }

  /** Process 1 of the machine, seen from outside: /proc/<pid>/root is its tree with everything mounted in it. */
  get leader(): number {
    return this.#leader;
  }

  /** Runs a program as root; its standard output. Throws with what it said. */
  async run(...words: readonly string[]): Promise<string> {
    const { stdout } = await run('nsenter', ['--target', String(this.#leader), '--all', ...words], {
      env: ENVIRONMENT,
      maxBuffer: 1 << 26,
    });
    return stdout;
  }

  shell(script: string): Promise<string> {
    return this.run('sh', '-euc', script);
  }

  /** As run, but a failure is no error: what it printed. */
  async try(...words: readonly string[]): Promise<string> {
    return await this.run(...words).catch((thrown: unknown) => String(Reflect.get(Object(thrown), 'stdout') ?? ''));
  }

  /** The journal of a unit, for a failed test. */
  journal(unit: string): Promise<string> {
    return this.try('journalctl', '--no-pager', '--lines=60', '--output=cat', `--unit=${unit}`);
  }

  async stop(): Promise<void> {
    const ended = new Promise((resolve) => this.#child.once('exit', resolve));
    // systemd: halt. It is given a while, then the namespace ends with its first process.
    process.kill(this.#leader, 'SIGKILL');
    await ended;
    this.root.remove();
  }
}

const ENVIRONMENT = { PATH: '/usr/sbin:/usr/bin:/sbin:/bin', LANG: 'C.UTF-8', HOME: '/root', DEBIAN_FRONTEND: 'noninteractive' } as const;

/** The child of systemd-nspawn, when there is one. */
function leaderOf(pid: number | undefined): number | undefined {
  try {
    const children = readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').trim();
    return children === '' ? undefined : Number(children.split(' ')[0]);
  } catch {
    return undefined;
  }
}

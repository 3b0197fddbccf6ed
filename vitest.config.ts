import { spawnSync } from 'node:child_process';
import { defineConfig } from 'vitest/config';

const inCi = process.env['CI'] === 'true';

interface Heavy {
  readonly include: readonly string[];
  readonly programs: readonly string[];
  readonly globalSetup?: readonly string[];
  /** Files at once; 1 unless it says otherwise. */
  readonly maxWorkers?: number;
}

/** Suites that start machines or servers: they need root, programs of their own, and the cores for themselves, so they run after the others. */
const HEAVY = {
  live: { include: ['test/live/**/*.test.ts'], programs: ['virsh', 'libvirtd', 'qemu-system-x86_64', 'busybox', 'gcc'] },
  backup: { include: ['test/backup/**/*.test.ts'], programs: ['restic', 'rclone', 'rsync', 'ssh', 'sshd'] },
  packages: {
    include: ['test/packages/**/*.test.ts'],
    programs: [
      'dpkg-deb',
      'rpmbuild',
      'aarch64-linux-gnu-strip',
      'lintian',
      'rpmlint',
      'mandoc',
      'systemd-nspawn',
      'mmdebstrap',
      'qemu-aarch64-static',
    ],
    globalSetup: ['test/packages/build.ts'],
    // lintian and the compression of packages go on while machines wait for each other.
    maxWorkers: 2,
  },
} as const satisfies Readonly<Record<string, Heavy>>;

/** What a suite lacks on this machine; in CI nothing is missing, it fails. */
function lacking(programs: readonly string[]): readonly string[] {
  if (inCi) return [];
  const missing = programs.filter((program) => spawnSync('sh', ['-c', `command -v ${program}`], { stdio: 'ignore' }).status !== 0);
  return process.getuid?.() === 0 ? missing : ['the rights of root', ...missing];
}

const heavy = Object.entries<Heavy>(HEAVY).flatMap(([name, { include, programs, globalSetup = [], maxWorkers = 1 }], index) => {
  const missing = lacking(programs);
  if (missing.length > 0) process.stderr.write(`skipped: the suite test/${name} lacks ${missing.join(', ')}\n`);
  const test = { name, include: [...include], globalSetup: [...globalSetup], maxWorkers, sequence: { groupOrder: index + 1 } };
  return missing.length > 0 ? [] : [{ extends: true as const, test }];
});

// Vitest reads the configuration from a default export; it is the only one here.
export default defineConfig({
  test: {
    pool: 'forks',
    testTimeout: 60_000,
    // A hook may start a whole site, which takes minutes on a machine that does other things.
    hookTimeout: 300_000,
    teardownTimeout: 20_000,
    // A loaded CI machine may miss a deadline once. What fails twice is broken, and a retry is reported.
    retry: inCi ? 1 : 0,
    projects: [
      {
        extends: true,
        test: {
          name: 'main',
          include: ['test/**/*.test.ts'],
          globalSetup: ['test/conformance/global-setup.ts'],
          exclude: Object.values(HEAVY).flatMap(({ include }) => include),
          // Real daemons and real qemu-img run beside the tests: two files at a time keep two cores busy.
          maxWorkers: 2,
          sequence: { groupOrder: 0 },
        },
      },
      ...heavy,
    ],
  },
});

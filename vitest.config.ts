import { spawnSync } from 'node:child_process';
import { defineConfig } from 'vitest/config';

const inCi = process.env['CI'] === 'true';

interface Heavy {
  readonly include: readonly string[];
  readonly programs: readonly string[];
  readonly globalSetup?: readonly string[];
  /** Suites of one order run side by side, those of a higher one after them. */
  readonly groupOrder: number;
}

/** Suites that need root and programs of their own. Those that start machines run after the others. */
const HEAVY = {
  backup: { include: ['test/backup/**/*.test.ts'], programs: ['restic', 'rclone', 'rsync', 'ssh', 'sshd'], groupOrder: 0 },
  live: {
    include: ['test/live/**/*.test.ts'],
    programs: ['virsh', 'libvirtd', 'qemu-system-x86_64', 'busybox', 'gcc'],
    groupOrder: 1,
  },
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
    groupOrder: 2,
  },
} as const satisfies Readonly<Record<string, Heavy>>;

/** What a suite lacks on this machine; in CI nothing is missing, it fails. */
function lacking(programs: readonly string[]): readonly string[] {
  if (inCi) return [];
  const missing = programs.filter((program) => spawnSync('sh', ['-c', `command -v ${program}`], { stdio: 'ignore' }).status !== 0);
  return process.getuid?.() === 0 ? missing : ['the rights of root', ...missing];
}

const heavy = Object.entries<Heavy>(HEAVY).flatMap(([name, { include, programs, globalSetup = [], groupOrder }]) => {
  const missing = lacking(programs);
  if (missing.length > 0) process.stderr.write(`skipped: the suite test/${name} lacks ${missing.join(', ')}\n`);
  const test = { name, include: [...include], globalSetup: [...globalSetup], sequence: { groupOrder } };
  return missing.length > 0 ? [] : [{ extends: true as const, test }];
});

// Vitest reads the configuration from a default export; it is the only one here.
export default defineConfig({
  test: {
    pool: 'forks',
    // Real daemons and real qemu-img run beside the tests: two files at a time keep two cores busy.
    maxWorkers: 2,
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
          sequence: { groupOrder: 0 },
        },
      },
      ...heavy,
    ],
  },
});

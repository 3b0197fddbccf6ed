import { access, constants } from 'node:fs/promises';
import path from 'node:path';
import { StorageError } from '../../runtime/errors.ts';

interface Program {
  /** Names the program is installed under, best first. */
  readonly names: readonly string[];
  /** The package that holds it. */
  readonly debian: string;
  readonly rpm: string;
  /** Arguments that make it say its version, and where in what it says the version stands. */
  readonly version: { readonly args: readonly string[]; readonly pattern: RegExp };
}

const DASHES = { args: ['--version'], pattern: /(\d+(?:\.\d+)+)/u } as const;
const UTIL_LINUX = { debian: 'util-linux', rpm: 'util-linux', version: DASHES } as const;
const E2FSPROGS = { debian: 'e2fsprogs', rpm: 'e2fsprogs', version: { args: ['-V'], pattern: /(\d+(?:\.\d+)+)/u } } as const;

/** Every program the agent may start. What is not in this table cannot be started. */
export const PROGRAMS = {
  'qemu-img': { names: ['qemu-img'], debian: 'qemu-utils', rpm: 'qemu-img', version: DASHES },
  'qemu-io': { names: ['qemu-io'], debian: 'qemu-utils', rpm: 'qemu-img', version: DASHES },
  'qemu-nbd': { names: ['qemu-nbd'], debian: 'qemu-utils', rpm: 'qemu-img', version: DASHES },
  'qemu-system-x86_64': { names: ['qemu-system-x86_64'], debian: 'qemu-system-x86', rpm: 'qemu-system-x86', version: DASHES },
  'mkfs.ext2': { names: ['mkfs.ext2', 'mke2fs'], ...E2FSPROGS },
  'mkfs.ext3': { names: ['mkfs.ext3'], ...E2FSPROGS },
  'mkfs.ext4': { names: ['mkfs.ext4'], ...E2FSPROGS },
  'mkfs.xfs': { names: ['mkfs.xfs'], debian: 'xfsprogs', rpm: 'xfsprogs', version: { args: ['-V'], pattern: /(\d+(?:\.\d+)+)/u } },
  mkswap: { names: ['mkswap'], ...UTIL_LINUX },
  prlimit: { names: ['prlimit'], ...UTIL_LINUX },
  setpriv: { names: ['setpriv'], ...UTIL_LINUX },
  fallocate: { names: ['fallocate'], ...UTIL_LINUX },
  virsh: { names: ['virsh'], debian: 'libvirt-clients', rpm: 'libvirt-client', version: DASHES },
  cp: { names: ['cp'], debian: 'coreutils', rpm: 'coreutils', version: DASHES },
  xorriso: { names: ['xorriso'], debian: 'xorriso', rpm: 'xorriso', version: DASHES },
  nbdkit: { names: ['nbdkit'], debian: 'nbdkit', rpm: 'nbdkit', version: DASHES },
  nbdcopy: { names: ['nbdcopy'], debian: 'libnbd-bin', rpm: 'libnbd', version: DASHES },
  nbdinfo: { names: ['nbdinfo'], debian: 'libnbd-bin', rpm: 'libnbd', version: DASHES },
  gzip: { names: ['gzip'], debian: 'gzip', rpm: 'gzip', version: DASHES },
  bzip2: { names: ['bzip2'], debian: 'bzip2', rpm: 'bzip2', version: { args: ['--help'], pattern: /Version (\d+(?:\.\d+)+)/u } },
  xz: { names: ['xz'], debian: 'xz-utils', rpm: 'xz', version: DASHES },
  zstd: { names: ['zstd'], debian: 'zstd', rpm: 'zstd', version: DASHES },
  lzop: { names: ['lzop'], debian: 'lzop', rpm: 'lzop', version: DASHES },
  tar: { names: ['tar'], debian: 'tar', rpm: 'tar', version: DASHES },
  'virt-sparsify': { names: ['virt-sparsify'], debian: 'guestfs-tools', rpm: 'guestfs-tools', version: DASHES },
  restic: { names: ['restic'], debian: 'restic', rpm: 'restic', version: { args: ['version'], pattern: /(\d+(?:\.\d+)+)/u } },
  rsync: { names: ['rsync'], debian: 'rsync', rpm: 'rsync', version: DASHES },
  ssh: { names: ['ssh'], debian: 'openssh-client', rpm: 'openssh-clients', version: { args: ['-V'], pattern: /OpenSSH_(\d+(?:\.\d+)+)/u } },
  'systemd-run': { names: ['systemd-run'], debian: 'systemd', rpm: 'systemd', version: { args: ['--version'], pattern: /systemd (\d+)/u } },
  nice: { names: ['nice'], debian: 'coreutils', rpm: 'coreutils', version: DASHES },
  ionice: { names: ['ionice'], ...UTIL_LINUX },
  unzip: { names: ['unzip'], debian: 'unzip', rpm: 'unzip', version: { args: ['-v'], pattern: /(\d+\.\d+)/u } },
} as const satisfies Readonly<Record<string, Program>>;

export type ProgramName = keyof typeof PROGRAMS;

export const PROGRAM_NAMES = Object.keys(PROGRAMS) as readonly ProgramName[];

/** Where system programs are when the daemon was started with a short PATH. */
const STANDARD = ['/usr/local/sbin', '/usr/local/bin', '/usr/sbin', '/usr/bin', '/sbin', '/bin'] as const;

/** The search path children get as well: the daemon's own, then the standard directories; relative entries are dropped. */
export function searchPath(): readonly string[] {
  const own = (process.env['PATH'] ?? '').split(':').filter((directory) => path.isAbsolute(directory));
  return [...new Set([...own, ...STANDARD])];
}

/** Absolute path of the program's file, or undefined. Looked up anew each time, so that a package installed meanwhile is found. */
export async function findProgram(program: ProgramName): Promise<string | undefined> {
  for (const name of PROGRAMS[program].names) {
    for (const directory of searchPath()) {
      const file = path.join(directory, name);
      if (await isExecutable(file)) return file;
    }
  }
  return undefined;
}

function isExecutable(file: string): Promise<boolean> {
  return access(file, constants.X_OK).then(
    () => true,
    () => false,
  );
}

/** Where a program was when somebody last asked whether it is there. */
const seen = new Map<ProgramName, string>();

/** Is it there? Whoever looks at a host asks for all of them, again and again: one that is where it was costs one look, not one a directory. */
export async function hasProgram(program: ProgramName): Promise<boolean> {
  const before = seen.get(program);
  if (before !== undefined && (await isExecutable(before))) return true;
  const file = await findProgram(program);
  if (file !== undefined) seen.set(program, file);
  return file !== undefined;
}

/** As findProgram, but a missing one is the error `missing_program` with the package that holds it. */
export async function requireProgram(program: ProgramName): Promise<string> {
  const file = await findProgram(program);
  if (file !== undefined) return file;
  const { debian, rpm } = PROGRAMS[program];
  const packages = debian === rpm ? `package ${debian}` : `Debian: ${debian}, RPM: ${rpm}`;
  throw new StorageError('missing_program', `${program} is not installed on this host (${packages})`);
}

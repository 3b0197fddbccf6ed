import { PROGRAMS } from '../agent/tools/programs.ts';
import packageJson from '../package.json' with { type: 'json' };
import { CONFIGURATIONS, type DaemonName } from './config/files.ts';

/** What is said of the packages, in Debian's control files and in spec files alike. */

export const VERSION = packageJson.version;
const { DEBFULLNAME: fullName, DEBEMAIL: email } = process.env;
/** Who publishes packages says his name as he does to Debian's tools; mail to the project's own packages reaches nobody (RFC 2606). */
export const MAINTAINER = fullName && email ? `${fullName} <${email}>` : 'The onestorage project <maintainers@onestorage.invalid>';
export const DAEMONS = Object.keys(CONFIGURATIONS) as readonly DaemonName[];

export interface Description {
  readonly summary: string;
  readonly paragraphs: readonly string[];
}

const COMMON =
  'onestorage replaces the storage drivers of OpenNebula that work through ssh: an agent on every host and a controller on the front-end move disks over mutual TLS, keep a journal of every step, and finish after a crash what was begun.';

export const DESCRIPTIONS: Readonly<Record<DaemonName, Description>> = {
  agent: {
    summary: 'storage drivers for OpenNebula: the agent of a host',
    paragraphs: [COMMON, 'This package has the program and the service of the agent, which runs on every host and on the front-end.'],
  },
  controller: {
    summary: 'storage drivers for OpenNebula: the controller of the front-end',
    paragraphs: [COMMON, 'This package has the service of the controller, which runs on the front-end and carries out what oned asks for.'],
  },
};

/** Programs without which only some things cannot be done: a front-end has no libvirt, few sites have XFS in their images. */
const OPTIONAL: ReadonlySet<string> = new Set(['virsh', 'mkfs.xfs', 'lzop']);
/** Large, and only for backups that are booted or made sparse. */
const LEFT_OUT: ReadonlySet<string> = new Set(['qemu-system-x86_64', 'virt-sparsify']);
/** On every Debian; to depend on them is an error there. */
const ESSENTIAL: ReadonlySet<string> = new Set(['coreutils', 'gzip', 'tar', 'util-linux']);
/** The shims run it. */
const SHIM_NEEDS = 'curl';

/** Packages with the programs an agent starts. */
export function programPackages(kind: 'debian' | 'rpm'): { readonly needed: readonly string[]; readonly optional: readonly string[] } {
  const programs = Object.entries(PROGRAMS).filter(([program]) => !LEFT_OUT.has(program));
  const rows = programs.map(([program, row]) => ({ name: row[kind], optional: OPTIONAL.has(program) }));
  const wanted = rows.filter(({ name }) => kind === 'rpm' || !ESSENTIAL.has(name));
  const pick = (optional: boolean): string[] => wanted.filter((row) => row.optional === optional).map(({ name }) => name);
  const needed = [...new Set([...pick(false), SHIM_NEEDS])].sort();
  return { needed, optional: [...new Set(pick(true))].filter((name) => !needed.includes(name)).sort() };
}

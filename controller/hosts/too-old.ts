import packageJson from '../../package.json' with { type: 'json' };
import { StorageError } from '../../runtime/errors.ts';
import { firstUnknown, OWN_WIRE, type Wire } from '../../runtime/wire.ts';
import type { Host } from './directory.ts';

/** The program of a host. */
export interface AgentProgram {
  readonly version: string;
  /** What it understands, when that is less than this program may ask for; undefined: it understands everything, or does not say. */
  readonly limited: Wire | undefined;
}

/** As it describes itself. */
export function agentProgram({ version, wire }: { readonly version: string; readonly wire: readonly string[] }): AgentProgram {
  const knows = new Set(wire);
  return { version, limited: knows.size === 0 || OWN_WIRE.isSubsetOf(knows) ? undefined : knows };
}

/** Throws too_old, which names the host and what to upgrade, when the program would not understand all of a request. */
export function refuseUnknown({ name }: Host, { version, limited }: AgentProgram, method: string, request: object): void {
  const word = limited === undefined ? undefined : firstUnknown(method, request, limited);
  if (word === undefined) return;
  const own = packageJson.version;
  const newer = version.localeCompare(own, 'en', { numeric: true }) > 0;
  const remedy = newer ? `onestorage-controller on the front-end to ${version}` : `onestorage-agent on ${name} to ${own}`;
  throw new StorageError('too_old', `${name} runs onestorage ${version}, which does not know ${word}: upgrade ${remedy}`);
}

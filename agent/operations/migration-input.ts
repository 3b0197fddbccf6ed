import { realpath } from 'node:fs/promises';
import path from 'node:path';
import { z } from 'zod';
import { asStorageError, StorageError } from '../../runtime/errors.ts';
import { openedBy } from '../backends/file/open-files.ts';
import { type Located, locate, PlaceInput } from '../backends/file/places.ts';
import { ofDirectory } from '../backends/live/disk.ts';
import { type AgentContext, libvirtOf } from '../context.ts';
import { type DomainDisk, domainDisks } from '../tools/domain-disks.ts';
import type { ToolContext } from '../tools/run.ts';
import type { Domain } from '../tools/virsh.ts';

/** The directory of a VM that is migrated while it runs. */
export const GuestDirectoryInput = z.object({ directory: PlaceInput, domain: z.string().min(1).max(200) });
export type GuestDirectoryInput = z.infer<typeof GuestDirectoryInput>;

export function domainNamed(agent: Pick<AgentContext, 'libvirt'>, domain: string): Domain {
  return { uri: libvirtOf(agent).uri, name: domain };
}

/** Disks of the domain in and outside of a directory; undefined: this host has no such domain. An answer that does not come is an error. */
export async function disksAt(
  domain: Domain,
  directory: Pick<Located, 'path'>,
  context: ToolContext,
): Promise<{ readonly inside: readonly DomainDisk[]; readonly outside: readonly DomainDisk[] } | undefined> {
  const disks = await domainDisks(domain, context).catch((thrown: unknown) => {
    if (asStorageError(thrown).reason !== 'not_found') throw thrown;
    return undefined;
  });
  if (disks === undefined) return undefined;
  const own = path.dirname(await ofDirectory(path.join(directory.path, 'x')));
  const inside: DomainDisk[] = [];
  const outside: DomainDisk[] = [];
  for (const disk of disks) ((await ofDirectory(disk.file)).startsWith(`${own}/`) ? inside : outside).push(disk);
  return { inside, outside };
}

/** Throws in_use when a domain of this host has the directory's disks, or any process has a file in it open. */
export async function mustBeUnused(
  agent: AgentContext,
  { place, domain }: { readonly place: GuestDirectoryInput['directory']; readonly domain: string },
  context: ToolContext,
): Promise<Located> {
  const located = await locate(agent.datastores, place);
  const found = await disksAt(domainNamed(agent, domain), located, context);
  if (found !== undefined && found.inside.length > 0) {
    throw new StorageError(
      'in_use',
      `domain ${domain} of ${agent.hostName} uses '${place.path}' in datastore ${place.datastoreId}: it stays`,
    );
  }
  const directory = await realpath(located.directory).catch(() => located.directory);
  const user = await openedBy(path.join(directory, located.name));
  if (user !== undefined) throw new StorageError('in_use', `process ${user.pid} of ${agent.hostName} has ${user.file} open: it stays`);
  return located;
}

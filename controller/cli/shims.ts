import { Command } from 'commander';
import { StorageError } from '../../runtime/errors.ts';
import { DRIVER_NAMES, type DriverName, directoryOf } from '../../shims/farm.ts';
import { type InstalledFile, installShims, removeShims } from '../../shims/install.ts';
import { readShim } from '../../shims/program.ts';

interface Options {
  readonly driver?: readonly string[];
  readonly remove?: true;
  readonly json?: true;
}

/** `agent_fs`, `datastore/agent_fs`, `tm/agent_local` → drivers of the table. */
function chosen(words: readonly string[] | undefined): readonly DriverName[] {
  if (words === undefined) return DRIVER_NAMES;
  const found = words.map((word) => {
    const names = DRIVER_NAMES.filter((name) => [name, directoryOf(name), name.slice(3)].includes(word));
    if (names.length === 0)
      throw new StorageError('bad_argument', `there is no driver ${word}; there are: ${DRIVER_NAMES.map(directoryOf).join(' ')}`);
    return names;
  });
  return [...new Set(found.flat())];
}

function summary(directory: string, files: readonly InstalledFile[]): string {
  const count = (change: InstalledFile['change']): number => files.filter((file) => file.change === change).length;
  return `${directory}: ${count('made')} made, ${count('kept')} kept, ${count('removed')} removed\n`;
}

async function install(directory: string, options: Options): Promise<void> {
  const drivers = chosen(options.driver);
  const files = options.remove ? await removeShims(directory, drivers) : await installShims(directory, await readShim(), drivers);
  process.stdout.write(options.json ? `${JSON.stringify({ directory, files })}\n` : summary(directory, files));
}

/** `onestorage shims install DIR`: the links by which oned finds the drivers. Throws StorageError. */
export function shimsCommand(): Command {
  const command = new Command('shims').description('the action programs that OpenNebula runs');
  command
    .command('install')
    .description("make them in OpenNebula's remotes directory (/var/lib/one/remotes); again is safe")
    .argument('<directory>', 'the remotes directory')
    .option('--driver <name...>', 'only these: agent_local, datastore/agent_ceph …')
    .option('--remove', 'take them away instead')
    .option('--json', 'list every file as JSON')
    .action(install);
  return command;
}

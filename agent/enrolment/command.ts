import { chown, readdir, stat } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { Command } from 'commander';
import { asStorageError } from '../../runtime/errors.ts';
import { writeNew } from '../../runtime/identity/files.ts';

interface Options {
  readonly pki: string;
  readonly machineId?: string;
  readonly ownerOf: string;
}

const HELP = `
The token is what "onestorage host add" prints on the front-end: good once, for this host, for an hour. "-" reads it from standard input,
where no list of processes shows it. The key of this host is made here and never leaves it.

Examples:
  onestorage agent join onestorage1-eyJl…
  ssh frontend onestorage host add "$(hostname)" --token-only | onestorage agent join -`;

/** `onestorage agent join TOKEN`, on the host. */
export function joinCommand(): Command {
  return new Command('join')
    .description('get the certificate of this host from the controller')
    .argument('<token>', 'as printed by onestorage host add, or - for standard input')
    .option('--pki <directory>', 'where the identity goes', '/etc/onestorage/pki')
    .option('--machine-id <id>', 'of this host, when it is not to be that of /etc/machine-id')
    .option('--owner-of <path>', 'whoever owns this gets the identity: the user of the agent', '/var/lib/one')
    .addHelpText('after', HELP)
    .action(joinThisHost);
}

async function joinThisHost(token: string, { pki, machineId, ownerOf }: Options): Promise<void> {
  const word = token === '-' ? await readStandardInput() : token;
  const { joinSite } = await import('./join.ts');
  const { identity, skew } = await joinSite({ token: word, directory: pki, machineId, signal: new AbortController().signal });
  await giveToOwner(ownerOf, pki);
  const config = join(dirname(pki), 'agent.yaml');
  const isNew = await writeConfig(config, pki);
  const { hostName, machineId: id = '', notAfter } = identity;
  if (skew !== undefined) process.stderr.write(`warning: the clock of this host is ${skew} that of the front-end: let chrony set it\n`);
  process.stdout.write(
    `this host is ${hostName}, machine ${id}; its certificate is good until ${notAfter.toISOString()} and renewed by the agent\n` +
      `${isNew ? `made ${config}\n` : ''}next: systemctl enable --now onestorage-agent   # or restart it, when it runs\n`,
  );
}

async function readStandardInput(): Promise<string> {
  const parts: Buffer[] = [];
  for await (const part of process.stdin) parts.push(part as Buffer);
  return Buffer.concat(parts).toString('utf8');
}

/** Root makes the files, and the agent reads and renews them as its own user. */
async function giveToOwner(ownerOf: string, pki: string): Promise<void> {
  if (process.getuid?.() !== 0) return;
  const owner = await stat(ownerOf).catch(() => undefined);
  if (owner === undefined) return;
  for (const path of [pki, ...(await readdir(pki)).map((name) => join(pki, name))]) await chown(path, owner.uid, owner.gid);
}

/** agent.yaml, when there is none: every key has a default. */
async function writeConfig(file: string, pki: string): Promise<boolean> {
  try {
    await writeNew(file, `# Made by "onestorage agent join"; what is not here has its default.\npki: ${pki}\n`, 0o644);
    return true;
  } catch (thrown) {
    if (asStorageError(thrown).reason === 'already_exists') return false;
    throw thrown;
  }
}

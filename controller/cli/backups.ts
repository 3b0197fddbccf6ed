import { Command } from 'commander';
import { asStorageError, type Reason, type StorageError } from '../../runtime/errors.ts';
import { formatBytes } from '../../runtime/units.ts';
import type { VerifyEvent } from '../backups/verify.ts';
import type { BackupLook } from '../looks/backups.ts';
import type { VmChain } from '../opennebula/reset-chain.ts';
import { backupTable, backupText } from './backups-table.ts';
import { askController, askForEvents, field, postJson } from './controller-socket.ts';
import { FINE, idOf, type LookOptions, look, lookCommand, print, printJson, WRONG } from './look.ts';
import { ProgressLine } from './progress-line.ts';

const EXAMPLES = `
Examples:
  onestorage backups list --vm 9
  onestorage backups show 35
  onestorage backups verify 35
  onestorage backups reset 9 --apply`;

const LIST_HELP = `
STATE says whether the repository still has every increment; the data itself is read by onestorage backups verify. A machine whose
chain lacks one needs a full backup: onestorage backups reset.

Exit status: 0 all are whole; 1 one is not, or its repository could not be asked; 2 the controller or OpenNebula could not be asked.

Examples:
  onestorage backups list
  onestorage backups list --vm 9
  onestorage backups list --datastore 105 --json`;

const SHOW_HELP = `
Exit status: 0 it is whole; 1 it is not, its repository could not be asked, or there is no such backup; 2 the controller or OpenNebula
could not be asked.

Examples:
  onestorage backups show 35
  onestorage backups show 35 --json`;

const VERIFY_HELP = `
An agent reads everything of the chain, up to the increment, and compares it with the checksums that were taken when the backup was made.
Nothing is changed. It takes as long as a restore; Ctrl-C ends it.

With --boot the disks are restored into RESTIC_TMP_DIR (RSYNC_TMP_DIR) of that host, compared on the way, and booted as an emulated machine without
a network, until the guest agent answers or the serial console asks for a login. Nothing of it stays. Machines that boot by BIOS from their own disks
can be booted; the host needs qemu-system-x86.

Exit status: 0 nothing differs; 1 something differs, is not there, or did not come up; 2 it could not be read to its end, or nobody could
be asked.

Examples:
  onestorage backups verify 35
  onestorage backups verify 35 --boot --limit 20
  onestorage backups verify 35 --increment 2 --json`;

const RESET_HELP = `
Nothing is removed: the backups of the machine stay, and can be restored. Without --apply nothing is changed.

Exit status: 0 done; 1 a backup of the machine runs, or there is no such machine; 2 nobody could be asked.

Examples:
  onestorage backups reset 9
  onestorage backups reset 9 --apply`;

interface ListOptions extends LookOptions {
  readonly vm?: number;
  readonly datastore?: number;
}

/** `onestorage backups …`. */
export function backupsCommand(): Command {
  const list = lookCommand('list', 'the backups of OpenNebula, and whether their repositories have all of them', LIST_HELP)
    .option('--vm <id>', 'only those of this virtual machine', idOf('a virtual machine'))
    .option('--datastore <id>', 'only those in this datastore', idOf('a datastore'))
    .action(listBackups);
  const show = lookCommand('show', 'one backup with its increments', SHOW_HELP)
    .argument('<image>', 'id of the backup image', idOf('an image'))
    .action(showBackup);
  const verify = lookCommand('verify', 'read a backup back, and compare it with its checksums', VERIFY_HELP)
    .argument('<image>', 'id of the backup image', idOf('an image'))
    .option('--increment <n>', 'up to this one; without it, all', idOf('an increment'))
    .option('--boot', 'restore it into a scratch place, and boot it')
    .option('--limit <minutes>', 'for the boot', idOf('a time in minutes'), 10)
    .action(verifyBackup);
  const reset = lookCommand('reset', 'let the next backup of a virtual machine be a full one, in a new image', RESET_HELP)
    .argument('<vm>', 'id of the virtual machine', idOf('a virtual machine'))
    .option('--apply', 'do it')
    .action(resetChain);
  const command = new Command('backups').description('look at and verify backups; let the next backup of a machine be a full one');
  for (const one of [list, show, verify, reset]) command.addCommand(one);
  return command.addHelpText('after', EXAMPLES);
}

async function listBackups({ socket, json, vm, datastore }: ListOptions): Promise<void> {
  await look(async () => {
    const query = new URLSearchParams();
    if (vm !== undefined) query.set('vm', String(vm));
    if (datastore !== undefined) query.set('datastore', String(datastore));
    const found = (field(await askController(socket, 'GET', `/v1/backups?${query}`), 'backups') ?? []) as readonly BackupLook[];
    if (json) printJson(found);
    else print(backupTable(found));
    return found.every(isWhole) ? FINE : WRONG;
  });
}

async function showBackup(image: number, { socket, json }: LookOptions): Promise<void> {
  await look(async () => {
    const found = (await askController(socket, 'GET', `/v1/backups/${image}`)) as BackupLook;
    if (json) printJson(found);
    else print(backupText(found));
    return isWhole(found) ? FINE : WRONG;
  });
}

function isWhole({ state }: BackupLook): boolean {
  return state === 'whole';
}

interface Verification {
  readonly image: number;
  readonly host: string | undefined;
  readonly increments: readonly number[];
  /** That were read. */
  readonly sizeBytes: number;
  /** Of a guest that was booted: its guest agent, or its console. */
  readonly answeredBy?: string;
  /** What the agent had to say. */
  readonly lines: readonly string[];
  readonly failure?: StorageError;
}

/** These say something of the backup; all others say that it could not be read. */
const DIFFERS: ReadonlySet<Reason> = new Set(['bad_checksum', 'repository_damaged', 'broken_chain', 'not_found', 'guest_silent']);

interface VerifyOptions extends LookOptions {
  readonly increment?: number;
  readonly boot?: true;
  readonly limit: number;
}

async function verifyBackup(image: number, options: VerifyOptions): Promise<void> {
  await look(async () => {
    const { failure, ...facts } = await readBack(image, options);
    if (options.json) {
      const differs = failure !== undefined && DIFFERS.has(failure.reason);
      printJson({ ...facts, differs, ...(failure && { failure: { reason: failure.reason, message: failure.message } }) });
    }
    if (failure !== undefined) throw failure;
    const booted = facts.answeredBy === undefined ? '' : `; it was booted, and its ${facts.answeredBy} answered`;
    if (!options.json) print(`backup ${image}: ${formatBytes(facts.sizeBytes)} were read back, nothing differs${booted}\n`);
    return FINE;
  }, DIFFERS);
}

async function readBack(image: number, { socket, json, increment, boot, limit }: VerifyOptions): Promise<Verification> {
  const progress = new ProgressLine(process.stderr);
  const begunAt = Date.now();
  const found: { -readonly [K in keyof Verification]: Verification[K] } = {
    image,
    host: undefined,
    increments: [],
    sizeBytes: 0,
    lines: [],
  };
  const take = (event: VerifyEvent): void => {
    if (event.type === 'begun') Object.assign(found, { host: event.host, increments: event.increments });
    else if (event.type === 'progress') progress.show(event, Date.now(), begunAt);
    else if (event.type === 'verified')
      Object.assign(found, { sizeBytes: event.sizeBytes, ...(event.answeredBy && { answeredBy: event.answeredBy }) });
    else found.lines = [...found.lines, event.text];
    if (event.type === 'log' && !json) progress.say(event.text);
  };
  try {
    const what = boot ? `boot/${limit * 60}` : 'verification';
    const path = `/v1/backups/${image}/${what}${increment === undefined ? '' : `/${increment}`}`;
    for await (const event of askForEvents(socket, path, 'the verification')) take(event as VerifyEvent);
  } catch (thrown) {
    found.failure = asStorageError(thrown);
  } finally {
    progress.clear();
  }
  return found;
}

async function resetChain(vm: number, { socket, json, apply }: LookOptions & { readonly apply?: true }): Promise<void> {
  await look(async () => {
    const chain = (await postJson(socket, `/v1/vms/${vm}/chain?reset=${apply ? 1 : 0}`, {})) as VmChain;
    if (json) printJson({ ...chain, applied: apply === true });
    else print(resetText(chain, apply === true));
    return FINE;
  }, RESET_REFUSED);
}

/** There is no such machine, or a backup of it runs. */
const RESET_REFUSED: ReadonlySet<Reason> = new Set(['not_found', 'conflict', 'busy']);

function resetText({ vmId, nextIncrement, imageId }: VmChain, applied: boolean): string {
  if (nextIncrement === 0) return `the next backup of VM ${vmId} is a full one anyway; nothing was changed\n`;
  if (applied) return `the next backup of VM ${vmId} is a full one, in a new image; backup ${imageId ?? '-'} stays as it is\n`;
  return `the next backup of VM ${vmId} would be increment ${nextIncrement} of backup ${imageId ?? '-'}\nnothing was changed; to let it be a full one, in a new image, give --apply\n`;
}

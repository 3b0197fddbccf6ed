import { Command, Option } from 'commander';
import { asStorageError, StorageError } from '../../runtime/errors.ts';
import type { AdoptionPlan, Drivers } from '../adoption/adoption.ts';
import type { InspectionEvent } from '../inspection/events.ts';
import { DEFAULT_SOCKET, postJson } from './controller-socket.ts';
import { inspectDatastore } from './fsck.ts';
import { inspectionText } from './fsck-table.ts';
import { idOf, print, printJson } from './look.ts';

interface Options {
  readonly socket: string;
  readonly apply?: true;
  readonly undo?: true;
  readonly force?: true;
  readonly json?: true;
}

const HELP = `
Without --apply nothing is changed. The datastore is looked through (onestorage fsck), and what would change is shown: TM_MAD and DS_MAD.
Files are not touched: the layout on disk is that of the stock drivers. With --undo the datastore gets back the drivers that it had.

A host that does not answer keeps it from being done, and so does a disk that cannot be opened; --force does it nevertheless.

Examples:
  onestorage adopt 100
  onestorage adopt 100 --apply
  onestorage adopt 100 --undo --apply`;

/** `onestorage adopt DATASTORE`. */
export function adoptCommand(): Command {
  return new Command('adopt')
    .description('switch a datastore over from the stock drivers, or back; without --apply, show what would change')
    .argument('<datastore>', 'id of an image, file or system datastore', idOf('a datastore'))
    .option('--apply', 'do it')
    .addOption(new Option('--undo', 'give it back the drivers that it had'))
    .option('--force', 'although something in it is not in order')
    .option('--socket <path>', 'socket of the controller', DEFAULT_SOCKET)
    .option('--json', 'print one JSON document')
    .addHelpText('after', HELP)
    .action(adopt);
}

async function adopt(id: number, options: Options): Promise<void> {
  const { socket, apply, undo, force, json } = options;
  const path = `/v1/datastores/${id}/adoption?undo=${undo ? 1 : 0}`;
  const plan = (await postJson(socket, path, {})) as AdoptionPlan;
  // Going back must not depend on agents that do not answer.
  const events = undo ? [] : await inspect(id, socket);
  const wrong = events.filter(blocks);
  if (!json) print(planText(plan) + inspectionText(id, events, Date.now()));
  if (apply && wrong.length > 0 && !force) {
    const text = `datastore ${id} is not in order: ${wrong.length} of what was found must be mended first, or give --force; nothing was changed`;
    throw new StorageError('conflict', text);
  }
  if (apply) await postJson(socket, `${path}&apply=1`, {});
  if (json) printJson({ ...plan, applied: apply === true, found: events });
  else
    print(
      apply
        ? `done; to take it back: onestorage adopt ${id}${undo ? '' : ' --undo'} --apply\n`
        : 'nothing was changed; to do it, give --apply\n',
    );
}

async function inspect(id: number, socket: string): Promise<readonly InspectionEvent[]> {
  const events: InspectionEvent[] = [];
  try {
    for await (const event of inspectDatastore(id, { socket })) events.push(event);
  } catch (thrown) {
    const { reason, message } = asStorageError(thrown);
    events.push({ type: 'unanswered', host: 'controller', reason, message });
  }
  return events;
}

/** What the drivers could not work with. Left-over files do no harm, and `onestorage fsck --repair` sets them aside. */
function blocks(event: InspectionEvent): boolean {
  const broken: readonly string[] = ['dangling_link', 'broken_chain', 'missing_image', 'missing_vm'];
  return event.type === 'unanswered' || (event.type === 'finding' && broken.includes(event.problem));
}

export function planText({ datastore, from, to, vms }: AdoptionPlan): string {
  const row = (key: keyof Drivers, name: string): string => {
    const [old, fresh] = [from[key], to[key]];
    if (old === undefined || fresh === undefined) return '';
    return `  ${name}  ${old === fresh ? `${old} (stays)` : `${old} -> ${fresh}`}\n`;
  };
  const kept =
    vms === 0 ? '' : `  ${vms} virtual machines have disks in it: each keeps the driver it was made with, until it is made again\n`;
  return `datastore ${datastore.id} (${datastore.name}, ${datastore.type})\n${row('tmMad', 'TM_MAD')}${row('dsMad', 'DS_MAD')}${kept}`;
}

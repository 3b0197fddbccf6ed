import { existsSync } from 'node:fs';
import path from 'node:path';
import { type ActionResult, type MadSite, runShim } from './mad.ts';

/** Replicas of one_tm, one_datastore and one_vmm_exec (contract 1.2, 1.3, 1.5). */

/** Runs the lines of a transfer script one after another; the first that fails ends it. Every line that ran has its result. */
export async function oneTm(site: MadSite, script: readonly string[] | string, signal?: AbortSignal): Promise<ActionResult[]> {
  const lines = typeof script === 'string' ? script.split('\n') : script;
  const results: ActionResult[] = [];
  for (const line of lines) {
    const words = line.trim().split(/\s+/);
    if (line.trim() === '' || line.trimStart().startsWith('#')) continue;
    const result = await tmAction(site, words, undefined, signal);
    results.push(result);
    if (result.exit !== 0) break;
  }
  return results;
}

/** One line, with something on standard input only when one_vmm_exec runs it. */
async function tmAction(site: MadSite, words: readonly string[], stdin?: string, signal?: AbortSignal): Promise<ActionResult> {
  const [first = '', driver = '', ...argv] = words;
  const action = first.toLowerCase();
  const directory = path.join(site.remotes, 'tm', driver);
  if (!existsSync(directory)) return notStarted(`tm/${driver}/${action}`, `Transfer Driver '${driver}' not available`);
  const found = [action, action.replace(/\.[^.]*$/, '')].find((name) => existsSync(path.join(directory, name)));
  if (found === undefined) return notStarted(`tm/${driver}/${action}`, `Transfer Driver '${driver}' has no action '${action}'`);
  return runShim(site, {
    action: `tm/${driver}/${found}`,
    program: path.join(directory, found),
    argv,
    ...(stdin === undefined ? {} : { stdin }),
    ...(signal === undefined ? {} : { signal }),
  });
}

export interface DatastoreCall {
  readonly driver: string;
  /** cp, mkfs, rm, stat, clone, monitor, snap_delete, … */
  readonly action: string;
  /** Image, datastore or request id, by action (contract 1.3). */
  readonly id: number;
  readonly document: string;
  readonly signal?: AbortSignal;
  /** A system datastore's monitor is a TM action. */
  readonly system?: boolean;
}

/** One datastore action: the document as one line of base64 without a line end on standard input. */
export async function oneDatastore(site: MadSite, call: DatastoreCall): Promise<ActionResult> {
  const kind = call.system === true ? 'tm' : 'datastore';
  const program = path.join(site.remotes, kind, call.driver, call.action.toLowerCase());
  const action = `${kind}/${call.driver}/${call.action.toLowerCase()}`;
  if (!existsSync(program)) return notStarted(action, `Datastore driver '${call.driver}' not available`);
  const stdin = Buffer.from(call.document).toString('base64');
  return runShim(site, { action, program, argv: [String(call.id)], stdin, ...(call.signal === undefined ? {} : { signal: call.signal }) });
}

export type MigrateHook = 'premigrate' | 'postmigrate' | 'failmigrate';

/** Live migration's hooks: argv `source target VD vm ds`, the VM's document in base64 on standard input. */
export async function oneVmmExec(
  site: MadSite,
  hook: MigrateHook,
  driver: string,
  argv: readonly string[],
  vm: string,
): Promise<ActionResult> {
  return tmAction(site, [hook, driver, ...argv], Buffer.from(vm).toString('base64'));
}

export type BackupHook = 'prebackup' | 'prebackup_live' | 'postbackup' | 'postbackup_live';

/** The staging of a backup: argv `H:VD disks deploy_id job vm ds`, the VM's document as it is on standard input (contract 1.5, 2.2). */
export async function backupHook(
  site: MadSite,
  hook: BackupHook,
  driver: string,
  argv: readonly string[],
  vm: string,
  signal?: AbortSignal,
): Promise<ActionResult> {
  return tmAction(site, [hook, driver, ...argv], vm, signal);
}

function notStarted(action: string, info: string): ActionResult {
  return { action, exit: 255, stdout: '', stderr: `${info}\n`, info, log: [], undefinedMessages: [], milliseconds: 0 };
}

import { Command, Option } from 'commander';
import { asStorageError, StorageError } from '../../runtime/errors.ts';
import { isOurs, openNebulaOverview } from '../opennebula/overview.ts';
import type { Undone } from '../setup/changes.ts';
import { unifiedDiff } from '../setup/diff.ts';
import { defaultPlaces, type Places } from '../setup/places.ts';
import { applySetup, planSetup, type SetupPlan, undoSetup } from '../setup/setup.ts';
import type { Site } from '../setup/site.ts';
import { print, printJson } from './look.ts';

interface Options {
  readonly apply?: true;
  readonly undo?: true;
  readonly force?: true;
  readonly json?: true;
  readonly opennebula?: Site['version'];
  readonly machineId?: string;
  readonly remotes: string;
  readonly onedConf: string;
  readonly vmmExecrc: string;
  readonly etc: string;
  readonly state: string;
  readonly endpoint: string;
}

const HELP = `
Without --apply nothing is changed: what would be done is shown, changes of files as diffs. Run it as root on the front-end.
With --apply: an authority and the certificates of this machine, the configuration of controller and agent, the drivers in
OpenNebula's remotes directory, their names and attributes in oned.conf, and vmm_execrc for snapshots of running machines.
Before a file is changed, a copy of it is kept. It may be called again at any time: what is there stays.

--undo restores the files byte for byte; when one was changed since, only what setup added is taken out. The authority stays.

Examples:
  onestorage setup
  onestorage setup --apply
  onestorage setup --undo`;

/** `onestorage setup`. */
export function setupCommand(): Command {
  const places = defaultPlaces(process.env);
  return new Command('setup')
    .description('put onestorage into the OpenNebula of this front-end; without --apply, show what would be done')
    .option('--apply', 'do it')
    .addOption(new Option('--undo', 'take it back').conflicts('apply'))
    .option('--force', 'undo although datastores still have the drivers')
    .addOption(new Option('--opennebula <version>', 'which it is, when remotes/VERSION does not say').choices(['7', '6.10']))
    .option('--machine-id <id>', 'of this machine, when it is not to be that of /etc/machine-id')
    .option('--remotes <directory>', "OpenNebula's remotes directory", places.remotes)
    .option('--oned-conf <file>', 'configuration of oned', places.onedConf)
    .option('--vmm-execrc <file>', 'configuration of one_vmm_exec', places.vmmExecrc)
    .option('--etc <directory>', 'where configuration and certificates go', places.etc)
    .option('--state <directory>', 'where the daemons keep their state', places.stateDirectory)
    .option('--endpoint <url>', 'API of OpenNebula, asked by --undo', 'http://localhost:2633/RPC2')
    .option('--json', 'print one JSON document')
    .addHelpText('after', HELP)
    .action(setup);
}

async function setup(options: Options): Promise<void> {
  const { remotes, onedConf, vmmExecrc, etc, state } = options;
  const places: Places = { ...defaultPlaces(process.env), remotes, onedConf, vmmExecrc, etc, stateDirectory: state };
  if (options.undo) return await undo(places, options);
  const plan = await planSetup({ places, version: options.opennebula, machineId: options.machineId });
  const copies = options.apply ? await applySetup(places, plan) : [];
  if (options.json) return printJson(report(plan, options.apply === true, copies));
  print(planText(places, plan, options.apply === true));
  for (const { before, after } of plan.changes) if (!options.apply) print(`\n${unifiedDiff(after.path, before?.text, after.text)}`);
  for (const copy of copies) print(`copy of what it was: ${copy}\n`);
  print(options.apply ? nextSteps(plan) : doIt(plan));
}

function planText(places: Places, plan: SetupPlan, isDone: boolean): string {
  const row = (isThere: boolean, made: string, text: string): string => `${(isThere ? 'as it should be' : made).padEnd(17)}${text}\n`;
  const [make, change] = isDone ? ['made', 'changed'] : ['would be made', 'would change'];
  return [
    `OpenNebula ${plan.site.version}, front-end ${plan.site.names.join(', ')}\n`,
    ...plan.pki.map(({ isThere, path, what }) => row(isThere, make, `${path} (${what})`)),
    row(plan.shimsThere, make, `${places.remotes} (drivers)`),
    ...plan.fine.map((path) => row(true, '', path)),
    ...plan.changes.map(({ before, after }) => row(false, before === undefined ? make : change, after.path)),
  ].join('');
}

function doIt(plan: SetupPlan): string {
  const isDone = plan.changes.length === 0 && plan.shimsThere && plan.pki.every(({ isThere }) => isThere);
  return isDone ? 'nothing is to be done\n' : '\nnothing was changed; to do it: onestorage setup --apply\n';
}

function nextSteps({ changes }: SetupPlan): string {
  const restart = changes.some(({ kind }) => kind !== 'config')
    ? ['systemctl restart opennebula     # oned reads its files when it starts']
    : [];
  const steps = [
    'systemctl enable --now onestorage-agent onestorage-controller',
    ...restart,
    'onestorage host add NAME         # for every host; then what it prints, on the host',
    'onehost sync --force             # as oneadmin: brings the drivers to the hosts',
    'onestorage doctor                # says what is left',
  ];
  return `\nnext:\n${steps.map((step) => `  ${step}\n`).join('')}`;
}

function report({ site, pki, changes, fine, shimsThere }: SetupPlan, applied: boolean, copies: readonly string[]): unknown {
  const files = changes.map(({ before, after }) => ({ path: after.path, diff: unifiedDiff(after.path, before?.text, after.text) }));
  const made = pki.map(({ path, what, isThere }) => ({ path, what, isThere }));
  return { applied, ...site, pki: made, shimsThere, fine, changes: files, copies };
}

async function undo(places: Places, { endpoint, force, json }: Options): Promise<void> {
  if (!force) await refuseUsed({ endpoint, authFile: places.authFile });
  const undone = await undoSetup(places);
  if (json) return printJson({ undone });
  print(undone.map(({ path, outcome }) => `${outcome.padEnd(17)}${path}\n`).join(''));
  print(`removed          the drivers in ${places.remotes}\nkept             the authority and the certificates in ${places.etc}\n`);
  const isChanged = undone.some(({ outcome }: Undone) => outcome === 'restored' || outcome === 'ours taken out');
  print(isChanged ? 'next: systemctl restart opennebula\n' : '');
}

/** An oned that does not run may not run because of what is to be undone: then nobody can be asked, and it is undone. */
async function refuseUsed(one: { readonly endpoint: string; readonly authFile: string }): Promise<void> {
  const overview = openNebulaOverview({ ...one, timeoutMs: 10_000 });
  const datastores = await overview.datastores(new AbortController().signal).catch((thrown: unknown) => {
    print(`whether datastores still have the drivers could not be asked: ${asStorageError(thrown).message}\n`);
    return [];
  });
  const used = datastores.filter(isOurs).map(({ id, name }) => `${id} (${name})`);
  if (used.length === 0) return;
  const text = `datastores still have drivers of onestorage: ${used.join(', ')}`;
  throw new StorageError('in_use', `${text}: switch them back with onestorage adopt ID --undo, or give --force`);
}

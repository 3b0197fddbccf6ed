import { join } from 'node:path';
import { failpoint } from '../../runtime/failpoint.ts';
import { checkShims } from '../../shims/check.ts';
import { DRIVER_NAMES, type DriverName } from '../../shims/farm.ts';
import { installShims, removeShims } from '../../shims/install.ts';
import { readShim } from '../../shims/program.ts';
import { applyChanges, type Change, type Kind, type Undone, undoChanges } from './changes.ts';
import { agentYaml, controllerYaml } from './config-texts.ts';
import { readyDrivers } from './driver-rows.ts';
import { ensureDirectory, giveTo, readRequired, readText } from './files.ts';
import { addToOnedConf, removeFromOnedConf } from './oned-conf.ts';
import { type PkiStep, pkiSteps } from './pki.ts';
import { OWN, type Owner, oneadmin, type Places } from './places.ts';
import { findSite, type Site } from './site.ts';
import { addToVmmExecrc, removeFromVmmExecrc } from './vmm-execrc.ts';

export interface SetupOptions {
  readonly places: Places;
  /** undefined: as remotes/VERSION says. */
  readonly version?: Site['version'] | undefined;
  /** Of this machine; undefined: /etc/machine-id. */
  readonly machineId?: string | undefined;
}

/** What is to be done on this front-end; nothing was changed yet. */
export interface SetupPlan {
  readonly site: Site;
  readonly owner: Owner;
  readonly pki: readonly PkiStep[];
  /** Only files whose text changes. */
  readonly changes: readonly Change[];
  /** Files that are as they should be. */
  readonly fine: readonly string[];
  /** Are all links of the drivers there? */
  readonly shimsThere: boolean;
}

/** Drivers that work, as the link farm names them. */
function readyFarm(): readonly DriverName[] {
  const ready = new Set(readyDrivers().map(({ kind, name }) => `${kind}/${name}`));
  return DRIVER_NAMES.filter((name) => ready.has(name));
}

/** Looks at everything before anything is changed. Throws bad_config for a file that is not understood, not_found without an OpenNebula. */
export async function planSetup({ places, version, machineId }: SetupOptions): Promise<SetupPlan> {
  const owner = await oneadmin(places);
  const onedConf = await readRequired(places.onedConf);
  const vmmExecrc = await readRequired(places.vmmExecrc);
  const site = await findSite(places, onedConf.text, version);
  const drivers = readyDrivers();
  const config = async (name: string, text: (given: string | undefined) => string): Promise<Change> => {
    const path = join(places.etc, name);
    const before = await readText(path);
    return { kind: 'config', before, after: { ...(before ?? { path, mode: 0o640, owner }), text: text(before?.text) } };
  };
  // oned.conf last: when it names the drivers, everything they need is there.
  const all: readonly Change[] = [
    await config(OWN.controllerConfig, (given) => controllerYaml(given, places, site)),
    await config(OWN.agentConfig, (given) => agentYaml(given, places)),
    { kind: 'vmm_execrc', before: vmmExecrc, after: { ...vmmExecrc, text: addToVmmExecrc(vmmExecrc.text, drivers, places.vmmExecrc) } },
    { kind: 'oned.conf', before: onedConf, after: { ...onedConf, text: addToOnedConf(onedConf.text, drivers, places.onedConf) } },
  ];
  const problems = await checkShims(places.remotes, await readShim(), new Set(readyFarm()));
  return {
    site,
    owner,
    pki: await pkiSteps(places, site, machineId),
    changes: all.filter(({ before, after }) => before?.text !== after.text),
    fine: all.filter(({ before, after }) => before?.text === after.text).map(({ after }) => after.path),
    shimsThere: problems.length === 0,
  };
}

/** Does it; cut off anywhere, it goes on when it is called again with a new plan. Gives the copies of what was changed. */
export async function applySetup(places: Places, plan: SetupPlan): Promise<readonly string[]> {
  await ensureDirectory(places.etc, 0o755, plan.owner);
  await ensureDirectory(places.stateDirectory, 0o755, plan.owner);
  for (const step of plan.pki) await step.make(plan.owner);
  const installed = await installShims(places.remotes, await readShim(), readyFarm());
  await giveTo(plan.owner, ...new Set(installed.map(({ path }) => join(places.remotes, path.split('/').slice(0, -1).join('/')))));
  await failpoint('setup.shims');
  return await applyChanges(join(places.etc, OWN.setup), plan.changes, without);
}

/** Takes back what `applySetup` did, but for the authority and the certificates: hosts depend on them. */
export async function undoSetup(places: Places): Promise<readonly Undone[]> {
  const undone = await undoChanges(join(places.etc, OWN.setup), without);
  await removeShims(places.remotes, readyFarm());
  return undone;
}

function without(kind: Kind, text: string, path: string): string | undefined {
  if (kind === 'oned.conf') return removeFromOnedConf(text, path);
  // An administrator's own file by now.
  return kind === 'vmm_execrc' ? removeFromVmmExecrc(text, readyDrivers(), path) : undefined;
}

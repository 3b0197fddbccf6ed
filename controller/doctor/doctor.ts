import { join } from 'node:path';
import packageJson from '../../package.json' with { type: 'json' };
import { loadConfig } from '../../runtime/config.ts';
import { asStorageError, StorageError } from '../../runtime/errors.ts';
import { loadIdentity } from '../../runtime/identity/identity.ts';
import { checkShims } from '../../shims/check.ts';
import { DRIVER_NAMES, type DriverName } from '../../shims/farm.ts';
import { readShim } from '../../shims/program.ts';
import { type ControllerConfig, controllerConfig } from '../config.ts';
import { ENROLMENT_STATE, readHosts, withEnrolled } from '../enrolment/store.ts';
import { hostDirectory } from '../hosts/directory.ts';
import { grpcAgents } from '../hosts/grpc-agents.ts';
import { type DatastoreSummary, isOurs, type Overview, openNebulaOverview } from '../opennebula/overview.ts';
import type { XmlElement } from '../opennebula/xml.ts';
import { readRequired } from '../setup/files.ts';
import { checkRestart, checkVmmExecrc, notYetRead } from './after-setup.ts';
import { checkAgents } from './agents.ts';
import { type CheckResult, check, must, type Problem } from './check.ts';
import { checkDatastores, checkFrontEndName, checkHostNames, checkOnedConf } from './oned.ts';
import { checkIdentity, checkLogin, checkState } from './own.ts';

export interface DoctorOptions {
  /** controller.yaml */
  readonly configFile: string;
  /** OpenNebula's remotes directory on the front-end. */
  readonly remotes: string;
  readonly onedConf: string;
  readonly vmmExecrc: string;
  /** undefined: as the configuration has it. */
  readonly socket: string | undefined;
  /** Asks the controller's socket for its health. */
  readonly health: (socket: string) => Promise<unknown>;
}

/** oned may be slow, not dead. */
const ONED_MS = 15_000;

/**
 * Checks what an operator can get wrong. All of it is done here, not by the controller: most is asked when that does not run. Changes nothing.
 * Never throws.
 */
export async function examine(options: DoctorOptions, signal: AbortSignal): Promise<readonly CheckResult[]> {
  let config: ControllerConfig | undefined;
  const configuration = await check('configuration', () =>
    must(options.configFile, 'correct it, or name another with --config; run this as the user of the controller', async () => {
      const read = await loadConfig(options.configFile, controllerConfig, 'ONESTORAGE_CONTROLLER_');
      const enrolled = await readHosts(join(read.state_directory, ENROLMENT_STATE));
      config = withEnrolled(read, () => enrolled);
    }),
  );
  return config === undefined ? [configuration] : [configuration, ...(await examineSite(config, options, signal))];
}

async function examineSite(config: ControllerConfig, options: DoctorOptions, signal: AbortSignal): Promise<readonly CheckResult[]> {
  const { endpoint, auth_file: authFile } = config.opennebula;
  const overview = openNebulaOverview({ endpoint, authFile, timeoutMs: ONED_MS });
  const socket = options.socket ?? config.socket;
  // Asked once, used by several; who needs what could not be had says so.
  const datastores = settle(overview.datastores(signal));
  const hosts = settle(overview.hosts(signal));
  const onedConf = settle(overview.configuration(signal));
  const waiting = settle(readRequired(options.onedConf).then(async ({ text }) => notYetRead(await onedConf(), text, options.onedConf)));
  return await Promise.all([
    check('certificate', () => checkIdentity(config, Date.now())),
    check('controller', () => checkController(socket, options.health)),
    check('ONE_AUTH', () => checkLogin(config)),
    check('OpenNebula', () => checkOned(config, overview, signal)),
    check('names', async () => {
      const [known, conf] = [await hosts(), await onedConf().catch(() => undefined)];
      return [...checkFrontEndName(config, conf), ...checkHostNames(config, known)];
    }),
    check('oned.conf', async () => {
      const known = await waiting().catch((): readonly string[] => []);
      // Of what a restart makes known only that is asked for.
      return checkOnedConf(await onedConf(), await datastores()).filter(({ subject }) => !known.includes(subject));
    }),
    check('restart', async () => checkRestart(await waiting(), options.onedConf)),
    check('snapshots', async () =>
      checkVmmExecrc((await readRequired(options.vmmExecrc)).text, tmMads(await datastores()), options.vmmExecrc),
    ),
    check('datastores', async () => checkDatastores(await datastores())),
    check('shims', async () => await checkRemotes(options.remotes, await datastores().catch(() => []))),
    check('agents', () => agentsOf(config, signal)),
    check('journal', () => checkState(config)),
  ]);
}

async function checkController(socket: string, health: DoctorOptions['health']): Promise<readonly Problem[]> {
  let answer: unknown;
  const failed = await must(socket, 'start it: onestorage controller --config FILE', async () => {
    answer = await health(socket);
  });
  const version: unknown = Reflect.get(Object(answer), 'version');
  if (failed.length > 0 || version === packageJson.version) return failed;
  const text = `the controller runs ${typeof version === 'string' ? `version ${version}` : 'an older version'}, this is ${packageJson.version}`;
  return [{ severity: 'warning', subject: socket, text, remedy: 'restart the controller: actions under way go on' }];
}

async function checkOned(config: ControllerConfig, overview: Overview, signal: AbortSignal): Promise<readonly Problem[]> {
  const remedy = 'check that oned runs, and opennebula.endpoint and opennebula.auth_file of controller.yaml';
  return await must(config.opennebula.endpoint, remedy, () => overview.mustSeeAll(signal));
}

function tmMads(datastores: readonly DatastoreSummary[]): ReadonlySet<string> {
  return new Set(datastores.map(({ tmMad }) => tmMad));
}

async function checkRemotes(remotes: string, datastores: readonly DatastoreSummary[]): Promise<readonly Problem[]> {
  const used = datastores.filter(isOurs).flatMap(({ dsMad, tmMad }) => [`tm/${tmMad}`, `ds/${dsMad}`]);
  const needed = new Set<DriverName>(DRIVER_NAMES.filter((name) => used.includes(name)));
  const program = await readShim();
  const remedy = `onestorage shims install ${remotes}`;
  try {
    const problems = await checkShims(remotes, program, needed);
    return problems.map(({ path, text }) => ({ severity: 'error', subject: `${remotes}/${path}`, text, remedy }));
  } catch (thrown) {
    const { message } = asStorageError(thrown);
    return [
      { severity: 'error', subject: remotes, text: message, remedy: `name OpenNebula's remotes directory with --remotes, then ${remedy}` },
    ];
  }
}

async function agentsOf(config: ControllerConfig, signal: AbortSignal): Promise<readonly Problem[]> {
  const identity = await loadIdentity(config.pki, 'controller').catch((thrown: unknown) => {
    throw new StorageError('bad_identity', `agents answer a controller only: ${asStorageError(thrown).message}`);
  });
  const agents = grpcAgents({ identity, statMs: ONED_MS, monitorMs: ONED_MS });
  try {
    return await checkAgents({ config, hosts: hostDirectory(config), agents }, signal, await readShim());
  } finally {
    agents.close();
  }
}

/** A promise that fails before somebody waits for it must not end the process. */
function settle<T extends XmlElement | readonly unknown[]>(promise: Promise<T>): () => Promise<T> {
  promise.catch(() => undefined);
  return () => promise;
}

import { createHash } from 'node:crypto';
import packageJson from '../../package.json' with { type: 'json' };
import type { CheckHostResponse__Output } from '../../proto/gen/onestorage/v1/CheckHostResponse.ts';
import { isReason, REASONS } from '../../runtime/errors.ts';
import { formatDuration } from '../../runtime/units.ts';
import type { Host } from '../hosts/directory.ts';
import { askHosts, configuredHosts, isOnlyFrontEnd } from '../looks/ask-hosts.ts';
import { type HostServices, neededPrograms } from '../looks/hosts.ts';
import type { Problem } from './check.ts';
import { expiry, stateProblems } from './own.ts';

/** A clock that is this far off makes tickets and certificates end too early, or too late. */
const SKEW_MS = 5000;

/** What only some images need: formats they are packed in, one file system. */
const SELDOM = /^(?:mkfs\.xfs|gzip|bzip2|xz|zstd|lzop|tar|unzip|restic|rsync|ssh|systemd-run|nice|ionice|qemu-system-x86_64) /u;

interface Seen {
  readonly found: CheckHostResponse__Output;
  readonly before: number;
  readonly after: number;
}

/** Every agent: does it answer as who it should be, and can it work? `shim`: the text of the action program. */
export async function checkAgents({ config, hosts, agents }: HostServices, signal: AbortSignal, shim: string): Promise<readonly Problem[]> {
  const shimSha256 = createHash('sha256').update(shim).digest('hex');
  const answers = await askHosts(
    configuredHosts(config, hosts),
    async (host, each): Promise<Seen> => {
      const before = Date.now();
      const found = await agents.check(host, each);
      return { found, before, after: Date.now() };
    },
    signal,
  );
  const problems = answers.flatMap(({ host, value, failure }) =>
    value === undefined
      ? [unreachable(host, failure)]
      : [
          ...problemsOf(host, value, isOnlyFrontEnd(host, config, hosts)),
          ...(isOnlyFrontEnd(host, config, hosts) ? [] : shimProblems(host, value.found, shimSha256)),
        ],
  );
  return [...problems, ...sameMachines(answers.flatMap(({ host, value }) => (value === undefined ? [] : [[host, value.found] as const])))];
}

function unreachable(host: Host, { reason, message }: { readonly reason: string; readonly message: string }): Problem {
  return { severity: 'error', subject: host.name, text: message, remedy: isReason(reason) ? REASONS[reason].hint : 'look at its log' };
}

export function problemsOf({ name }: Host, { found, before, after }: Seen, onlyFrontEnd = false): readonly Problem[] {
  const problems: Problem[] = [];
  const add = (severity: Problem['severity'], text: string, remedy: string): void => {
    problems.push({ severity, subject: name, text, remedy });
  };
  // The answer was written between the two: only what lies outside is skew.
  const skew = Math.max(before - found.clockUnixMs, found.clockUnixMs - after);
  if (skew > SKEW_MS)
    add('warning', `its clock is off by ${formatDuration(skew)}`, 'let chrony or systemd-timesyncd set the clocks of all hosts');
  if (found.version !== packageJson.version) {
    add(
      'warning',
      `it runs version ${found.version}, this is ${packageJson.version}`,
      'install the same version everywhere, and restart the daemons',
    );
  }
  const missing = Map.groupBy(neededPrograms(found.missingPrograms, onlyFrontEnd), (text) => SELDOM.test(text));
  for (const [isSeldom, programs] of missing) {
    add(isSeldom ? 'warning' : 'error', `missing: ${programs.join(', ')}`, 'install them on this host');
  }
  if (found.datastoresProblem !== '') {
    add('error', `${found.datastores}: ${found.datastoresProblem}`, 'make it, and let it belong to the user of the agent');
  }
  if (found.freeDataPorts === 0) {
    add('error', `all ${found.dataPorts} data ports are taken`, 'give data_ports of agent.yaml more ports, that nothing else uses');
  } else if (found.freeDataPorts * 4 < found.dataPorts) {
    const text = `only ${found.freeDataPorts} of ${found.dataPorts} data ports are free`;
    add('warning', text, 'give data_ports of agent.yaml more ports, or wait for transfers: onestorage transfers');
  }
  if (found.staleFileCount > 0) {
    const datastore = found.staleFiles[0]?.split('/')[0] ?? 'DATASTORE';
    const text = `${found.staleFileCount} temporary files of operations that have ended: ${found.staleFiles.slice(0, 3).join(', ')}`;
    add('warning', text, `onestorage fsck ${datastore} --repair sets them aside`);
  }
  return [...problems, ...expiry(name, found.certificateNotAfterUnixMs, after), ...here(name, found)];
}

/** Probes of OpenNebula call them on hosts of virtual machines. An agent that does not say where they are is of an older version. */
export function shimProblems({ name }: Host, found: CheckHostResponse__Output, wanted: string): readonly Problem[] {
  if (found.remotes === '' || found.shimSha256 === wanted) return [];
  const text = `${found.remotes}: the shims are ${found.shimSha256 === '' ? 'not there' : 'of another version than those of this program'}`;
  const remedy = `onehost sync --force ${name}; remotes of agent.yaml names the directory`;
  return [{ severity: 'warning', subject: name, text, remedy }];
}

function here(name: string, found: CheckHostResponse__Output): readonly Problem[] {
  return stateProblems(`${name}:${found.stateDirectory}`, found.stateFreeBytes, found.journalBytes);
}

/** Two agents with one identity are taken for one host: data would be copied onto itself. */
function sameMachines(answers: readonly (readonly [Host, CheckHostResponse__Output])[]): readonly Problem[] {
  const byMachine = Map.groupBy(answers, ([, { machineId }]) => machineId);
  return [...byMachine].flatMap(([machineId, of]): Problem[] => {
    if (of.length < 2) return [];
    const names = of.map(([{ name }]) => name).join(' and ');
    const text = `the machine id ${machineId} is of more than one host`;
    return [
      { severity: 'error', subject: names, text, remedy: 'give each host its own /etc/machine-id and certificate, or configure it once' },
    ];
  });
}

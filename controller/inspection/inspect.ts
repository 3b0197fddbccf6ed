import { randomUUID } from 'node:crypto';
import { asStorageError } from '../../runtime/errors.ts';
import type { Host } from '../hosts/directory.ts';
import { follow } from '../hosts/follow.ts';
import type { Inventory } from '../opennebula/inventory.ts';
import type { HostFinding, Inspect, InspectionEvent } from './events.ts';
import type { Expected } from './expected.ts';
import { type InspectionServices, type Plan, planInspection } from './plan.ts';

interface Movable {
  readonly host: Host;
  readonly finding: HostFinding;
}

/** A VM on its way need not have a directory yet, or any more; and while it is migrated or backed up, names are right that are not later. */
const ONLY_AT_REST: ReadonlySet<string> = new Set(['missing_vm', 'unended_migration', 'unended_backup']);

/** What was seen on one host. */
interface Look {
  readonly host: Host;
  readonly expected: Expected;
  readonly findings: readonly HostFinding[];
  readonly end: InspectionEvent;
}

export interface InspectOptions extends InspectionServices {
  readonly inventory: Inventory;
  /** How long an agent that went away while it moved something is looked for. */
  readonly reattachMs: number;
}

/**
 * Looks at a datastore on every host that has a part of it. Throws what makes it impossible as a whole: not_found, unsupported, forbidden,
 * opennebula_unavailable. A host that does not answer is told of, and stops nobody.
 */
export function inspector(options: InspectOptions): Inspect {
  return async function* (datastoreId, { repair }, signal) {
    const plan = await planInspection(await options.inventory.read(datastoreId, signal), options, signal);
    yield* plan.unanswered;
    const looks = await Promise.all(
      plan.hosts.map(({ host, expected }) => lookAt(options, datastoreId, plan.kind, host, expected, signal)),
    );
    const movable: Movable[] = [];
    for (const { host, findings, end } of withHomes(looks)) {
      for (const finding of findings) {
        yield { type: 'finding', ...finding };
        if (finding.movable) movable.push({ host, finding });
      }
      yield end;
    }
    if (!repair || movable.length === 0) return;
    // The look may have taken long, and what was nobody's may be somebody's by now.
    const again = await planInspection(await options.inventory.read(datastoreId, signal), options, signal);
    for (const one of movable) {
      signal.throwIfAborted();
      yield await setAside(options, datastoreId, again, one, signal);
    }
  };
}

async function lookAt(
  { agents }: InspectOptions,
  datastoreId: number,
  kind: Plan['kind'],
  host: Host,
  expected: Expected,
  signal: AbortSignal,
): Promise<Look> {
  const findings: HostFinding[] = [];
  try {
    const lists = { known: [...expected.known], elsewhere: [...expected.elsewhere], moving: [...expected.moving] };
    for await (const found of agents.inspect(host, { datastoreId, kind, ...lists }, signal)) {
      const { problem, text, allocatedBytes, modifiedUnixMs, movable } = found;
      const path = found.place?.path ?? '';
      if (ONLY_AT_REST.has(problem) && !expected.resting.includes(path.split('/')[0] ?? '')) continue;
      findings.push({ host: host.name, problem, path, text, allocatedBytes, modifiedUnixMs, movable });
    }
    return { host, expected, findings, end: { type: 'looked', host: host.name } };
  } catch (thrown) {
    signal.throwIfAborted();
    const { reason, message } = asStorageError(thrown);
    return { host, expected, findings, end: { type: 'unanswered', host: host.name, reason, message } };
  }
}

/** What was left behind may be the only copy: it stays unless the machine was seen to have its directory where it belongs. */
function withHomes(looks: readonly Look[]): readonly Look[] {
  const atHome = new Set(
    looks.flatMap(({ expected, findings, end }) => {
      const missing = new Set(findings.filter(({ problem }) => problem === 'missing_vm').map(({ path }) => path));
      return end.type === 'looked' ? expected.resting.filter((id) => !missing.has(id)) : [];
    }),
  );
  const settle = (finding: HostFinding): HostFinding =>
    finding.problem !== 'left_behind_vm' || !finding.movable || atHome.has(finding.path)
      ? finding
      : { ...finding, movable: false, text: `${finding.text}, where its directory was not seen: this may be the only copy` };
  return looks.map((look) => ({ ...look, findings: look.findings.map(settle) }));
}

async function setAside(
  { agents, reattachMs }: InspectOptions,
  datastoreId: number,
  plan: Plan,
  { host, finding }: Movable,
  signal: AbortSignal,
): Promise<InspectionEvent> {
  const { path } = finding;
  const kept = (reason: 'conflict', message: string): InspectionEvent => ({ type: 'kept', host: host.name, path, reason, message });
  const expected = plan.hosts.find((one) => one.host.address === host.address)?.expected;
  if (expected === undefined) return kept('conflict', `${host.name} does not answer any more`);
  if (!isStillMovable(finding, expected)) return kept('conflict', 'OpenNebula has it now');
  const operationId = randomUUID();
  const request = { operation: { operationId, subject: `fsck: ${path} of datastore ${datastoreId}` }, place: { datastoreId, path } };
  try {
    await follow(() => agents.start(host, 'Inspections/Quarantine', request, signal), {
      hostName: host.name,
      signal,
      reattachMs,
      known: false,
      listener: { log: () => undefined, report: () => undefined, count: () => undefined },
    });
    return { type: 'moved', host: host.name, path, to: `.quarantine/${operationId}/${path}` };
  } catch (thrown) {
    signal.throwIfAborted();
    const { reason, message } = asStorageError(thrown);
    return { type: 'kept', host: host.name, path, reason, message };
  }
}

/** By what OpenNebula says now. */
function isStillMovable({ problem, path }: HostFinding, { known, elsewhere, moving }: Expected): boolean {
  const owner = (path.split('/')[0] ?? '').replace(/\.(?:snap|md5sum)$/u, '');
  if (problem === 'unknown_image') return !known.includes(owner);
  if (problem === 'unknown_vm') return ![...known, ...elsewhere, ...moving].includes(owner);
  if (problem === 'left_behind_vm') return elsewhere.includes(owner);
  return problem === 'temporary_file';
}

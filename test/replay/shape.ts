import type { RecordedCall } from '../fixtures/oned/recording.ts';
import type { ActionResult } from '../lab/opennebula/mad.ts';

/** What is compared of a result: everything but names that are random and numbers that are measured. */
export function shapeOf(result: Pick<ActionResult, 'exit' | 'stdout'>): string {
  const lines = result.stdout
    .replace(/\n$/, '')
    .replace(/[^\s[]*\/datastores\/(\d+)\/[0-9a-f]{32}/g, 'datastore $1/<name>')
    .replace(/\b[0-9a-f]{32}\b/g, '<md5>')
    .replace(/_MB=\d+/g, '_MB=<MiB>');
  return `exit ${result.exit}: ${JSON.stringify(lines.split('\n'))}`;
}

/** Words or elements in their order, whatever stands between them. */
export function elementsOf(text: string): string[] {
  return [...text.matchAll(/<([A-Z0-9_]+)>/g)].map(([, name = '']) => name);
}

export function pairsOf(text: string): string[] {
  return [...text.matchAll(/(\w+)=(\d+)/g)].map(([, name = '']) => name).sort();
}

/** A difference that is meant. Each must be found in the recording, exactly as it says. */
export interface Difference {
  readonly reason: string;
  readonly script: RegExp;
  holds(recorded: RecordedCall, ours: ActionResult): boolean;
}

const single = (text: string): boolean => text.trim().split('\n').length === 1;
/** Lines that are no log lines: what OpenNebula shows to people. */
const errorLines = ({ stderr }: ActionResult): number =>
  stderr.split('\n').filter((line) => line !== '' && !/^(ERROR|INFO|WARN|DEBUG):/.test(line)).length;
const refused = (ours: ActionResult, why: RegExp): boolean =>
  ours.exit !== 0 && ours.stdout === '' && why.test(ours.info) && errorLines(ours) === 1;

export const DIFFERENCES: readonly Difference[] = [
  {
    reason:
      'monitor prints its three pairs on one line: OpenNebula reads the first line of an output, the rest are messages it does not know',
    script: /^datastore\/agent_fs\/monitor$/,
    holds: (recorded, ours) => ours.exit === 0 && single(ours.stdout) && pairsOf(ours.stdout).join() === pairsOf(recorded.stdout).join(),
  },
  {
    reason: 'export prints its document on one line, for the same reason; elements and their order are the same',
    script: /^datastore\/agent_fs\/export$/,
    holds: (recorded, ours) =>
      ours.exit === 0 && single(ours.stdout) && elementsOf(ours.stdout).join() === elementsOf(recorded.stdout).join(),
  },
  {
    reason: 'clone of an image prints the format after the source, where stock prints an empty word',
    script: /^datastore\/agent_fs\/clone$/,
    holds: (recorded, ours) => ours.exit === 0 && /^\S+ (raw|qcow2)\n$/.test(ours.stdout) && /^\S+ \n$/.test(recorded.stdout),
  },
  {
    reason: 'the recorded host had no xorriso; the lab has it',
    script: /^tm\/agent_local\/context$/,
    holds: (recorded, ours) => recorded.exit === 1 && /iso\.tmp/.test(recorded.error) && ours.exit === 0 && ours.stdout === '',
  },
  {
    reason: 'the VM is running, and the lab has no hypervisor: refused, or failed, in one line',
    script: /^tm\/agent_local\/((pre|post)migrate|cpds)$/,
    holds: (recorded, ours) => (recorded.live || recorded.encoding !== 'none') && refused(ours, /is running|libvirt/),
  },
];

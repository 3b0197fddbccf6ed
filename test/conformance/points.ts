import type { HostName } from '../lab/site.ts';
import type { CellFormat } from './scenario.ts';

export type DaemonName = HostName | 'controller';

/** A place in a daemon's work where it can be killed. */
export interface KillPoint {
  readonly daemon: DaemonName;
  readonly name: string;
}

/**
 * Of two neighbours one: the end of a step and the begin of the next one find the same on disk, and one row less in the journal. Raw is killed
 * at the begin then, everything else at the end: both formats together have every point.
 */
export function shared(points: readonly KillPoint[], format: CellFormat): readonly KillPoint[] {
  return points.filter((point, index) => {
    const [left, right] = format === 'raw' ? [point, points[index + 1]] : [points[index - 1], point];
    return !areNeighbours(left, right);
  });
}

function areNeighbours(left: KillPoint | undefined, right: KillPoint | undefined): boolean {
  if (left === undefined || right === undefined || kindOf(left) !== kindOf(right)) return false;
  return left.name.endsWith('.end') && right.name.endsWith('.begin');
}

/** Daemon and kind of operation: `action` of the controller, `transfer.receive` and the like of an agent. */
function kindOf({ daemon, name }: KillPoint): string {
  return [daemon, ...name.split('.').slice(0, daemon === 'controller' ? 1 : 2)].join(' ');
}

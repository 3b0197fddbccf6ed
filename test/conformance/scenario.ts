import type { ActionName } from '../../shims/actions.ts';
import type { ActionResult } from '../lab/opennebula/mad.ts';
import type { Check, Format } from './contents.ts';
import type { Rig } from './rig.ts';

/** What the whole site must be when an action has succeeded. */
export interface Expected {
  /** Every name on every host, `host01:107/9/disk.0`; nothing else may be there. */
  readonly tree: readonly string[];
  /** Content, of what was made and of what had to stay as it was. */
  readonly checks: readonly Check[];
}

/** One call that is ready to be made. */
export interface Case {
  /** The call, as OpenNebula makes it. */
  call(): Promise<ActionResult>;
  /** All that the shim prints on standard output. */
  readonly stdout: RegExp;
  /** After successful calls with these results. */
  after(results: readonly ActionResult[]): Expected;
}

export type CellFormat = Format | '-';

/** One row of the matrix. */
export interface Scenario {
  readonly action: ActionName;
  /** Tells the rows of an action apart. */
  readonly variant?: string;
  /** `-`: the action knows no format. */
  readonly formats: readonly CellFormat[];
  /** What the same call does when it comes again. Absent: it succeeds, and nothing changes but what `after` says. */
  readonly again?: { readonly fails: RegExp };
  /** Title of the row that is killed at the very same points: here only `once` and `twice` are run. */
  readonly killedAs?: string;
  prepare(rig: Rig, format: Format): Promise<Case>;
}

export const BOTH = ['raw', 'qcow2'] as const;

export function titleOf({ action, variant }: Scenario): string {
  return variant === undefined ? action : `${action} ${variant}`;
}

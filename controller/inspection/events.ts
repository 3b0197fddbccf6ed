import type { Reason } from '../../runtime/errors.ts';

/** Something that does not fit, on a host. Sizes in bytes, times in ms since the epoch. */
export interface HostFinding {
  readonly host: string;
  readonly problem: string;
  /** Relative to the datastore. */
  readonly path: string;
  readonly text: string;
  readonly allocatedBytes: number;
  readonly modifiedUnixMs: number;
  /** It may be set aside. */
  readonly movable: boolean;
}

/** What an inspection tells, in this order: all that was found, then what was done about it. */
export type InspectionEvent =
  | ({ readonly type: 'finding' } & HostFinding)
  /** Everything there was looked at. */
  | { readonly type: 'looked'; readonly host: string }
  /** It could not be looked at, or not to the end. */
  | { readonly type: 'unanswered'; readonly host: string; readonly reason: Reason; readonly message: string }
  /** Set aside; `to` is relative to the datastore. */
  | { readonly type: 'moved'; readonly host: string; readonly path: string; readonly to: string }
  /** It was to be set aside, and stays. */
  | { readonly type: 'kept'; readonly host: string; readonly path: string; readonly reason: Reason; readonly message: string };

/** Looks at a datastore. `repair`: what nobody needs is set aside. */
export type Inspect = (datastoreId: number, options: { readonly repair: boolean }, signal: AbortSignal) => AsyncIterable<InspectionEvent>;

import type { OperationRecord } from '../../runtime/operations/types.ts';

/** Ended calls that are looked through: more than 30 days bring. */
export const EARLIER_LIMIT = 100_000;

/**
 * Ids of the ended calls with the very words of this one, newest first. A move of the same VM between other places ends the list: what
 * happened before it says nothing about where the disks are now. `records` as the journal lists them, newest first.
 */
export function earlierCalls(records: readonly OperationRecord[], id: string, subject: string): readonly string[] {
  const [what = subject] = subject.split(' from ');
  const moves = records.filter((one) => one.id !== id && one.finishedAt !== undefined && one.subject.startsWith(`${what} from `));
  const other = moves.findIndex((one) => one.subject !== subject);
  return (other === -1 ? moves : moves.slice(0, other)).map((one) => one.id);
}

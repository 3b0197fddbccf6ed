import type { ActionName } from '../../shims/actions.ts';

/** An action that is under way. */
export interface ActiveAction {
  readonly id: string;
  readonly action: ActionName;
  readonly targets: readonly string[];
}

function overlaps(one: string, other: string): boolean {
  return one === other || one.startsWith(`${other}/`) || other.startsWith(`${one}/`);
}

function sameTargets(one: readonly string[], other: readonly string[]): boolean {
  return one.length === other.length && one.length > 0 && one.every((text) => other.includes(text));
}

/**
 * oned does not stop the script of a transfer that it cancelled, and may start the next one meanwhile (contract 1.1). So a delete, and the
 * same action on the same target again, give up what is older; everything else waits its turn.
 */
export function supersededBy(next: ActiveAction, active: readonly ActiveAction[]): readonly string[] {
  const removes = next.action === 'tm/delete' || next.action === 'ds/rm';
  return active
    .filter((older) => older.id !== next.id)
    .filter(
      (older) =>
        (removes && next.targets.some((mine) => older.targets.some((theirs) => overlaps(mine, theirs)))) ||
        (older.action === next.action && sameTargets(next.targets, older.targets)),
    )
    .map((older) => older.id);
}

import type { ActionName } from '../../../shims/actions.ts';
import type { Scenario } from '../scenario.ts';
import { backups } from './backups.ts';
import { deploy } from './deploy.ts';
import { diskSnapshots } from './disk-snapshots.ts';
import { imageSnapshots } from './image-snapshots.ts';
import { images } from './images.ts';
import { endings, moves } from './moves.ts';

/** Every row of the matrix, by the file that runs it. */
export const FAMILIES = {
  backups,
  deploy,
  images: [...images, ...endings],
  moves: [...moves, ...imageSnapshots],
  snapshots: diskSnapshots,
} as const satisfies Readonly<Record<string, readonly Scenario[]>>;

export const ALL: readonly Scenario[] = Object.values(FAMILIES).flat();

/** Actions that need a running domain or a repository, which this site has not: the directory of tests where they are killed at each step. */
export const ELSEWHERE: { readonly [A in ActionName]?: string } = {
  'tm/snap_create_live': 'test/live',
  'tm/prebackup_live': 'test/live',
  'tm/postbackup_live': 'test/live',
  'ds/backup_cancel': 'test/live',
  'ds/backup': 'test/backup',
  'ds/restore': 'test/backup',
  'ds/increment_flatten': 'test/backup',
  'ds/ls': 'test/backup',
  'tm/restore': 'test/backup',
};

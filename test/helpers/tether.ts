import { spawnSync } from 'node:child_process';

/** Words before a command that is to end with this process, however that ends; none where setpriv is not installed. */
export const tether: readonly string[] = hasSetpriv() ? ['setpriv', '--pdeathsig', 'KILL', '--'] : [];

function hasSetpriv(): boolean {
  return spawnSync('setpriv', ['--pdeathsig', 'KILL', '--', 'true'], { stdio: 'ignore' }).status === 0;
}

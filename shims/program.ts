import { readFile } from 'node:fs/promises';
import { getAsset, isSea } from 'node:sea';

/** Text of the one program behind every action name: in a checkout the file beside this one, in the packaged program a part of it. */
export async function readShim(): Promise<string> {
  return isSea() ? getAsset('shim.sh', 'utf8') : await readFile(new URL('./shim.sh', import.meta.url), 'utf8');
}

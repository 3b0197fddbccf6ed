import type { ActionResult } from '../../lab/opennebula/mad.ts';
import type { Rig } from '../rig.ts';

/** Runs one line of a transfer script as one_tm does. */
export function callLine(rig: Rig, line: () => string | undefined): () => Promise<ActionResult> {
  return async () => {
    const text = line();
    if (text === undefined) throw new Error('the transfer script has no such line');
    const [result] = await rig.one.tm([text]);
    if (result === undefined) throw new Error(`no action in the line: ${text}`);
    return result;
  };
}

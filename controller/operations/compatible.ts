import type { Host } from '../hosts/directory.ts';
import { type AgentProgram, refuseUnknown } from '../hosts/too-old.ts';
import type { ActionRequest } from '../server/handler.ts';
import { rehearse } from './rehearse.ts';
import type { ActionServices } from './tools.ts';

/** A host that does not answer by then is not waited for: what is asked of it will say so. */
const ASK_MS = 2000;

/**
 * Refuses an action, before its first change, of which an agent of another version would leave something out: a method or a field that it does not know.
 * Where all agents know what this program knows, nothing is rehearsed. Throws too_old.
 */
export async function mustBeUnderstood(
  action: ActionRequest & { readonly subject: string; readonly hosts: readonly string[] },
  services: ActionServices,
  signal: AbortSignal,
): Promise<void> {
  const programs = await Promise.all(action.hosts.map((name) => programOf(() => services.hosts.find(name || undefined), services, signal)));
  if (programs.every((program) => program?.limited === undefined)) return;
  const { recorder } = await rehearse(action, services, signal);
  for (const { host, method, request } of recorder.asked) {
    const program = await programOf(() => host, services, signal);
    if (program !== undefined) refuseUnknown(host, program, method, request);
  }
}

/** undefined: nobody knows. */
async function programOf(find: () => Host, { agents }: ActionServices, signal: AbortSignal): Promise<AgentProgram | undefined> {
  try {
    return await agents.program(find(), AbortSignal.any([signal, AbortSignal.timeout(ASK_MS)]));
  } catch {
    signal.throwIfAborted();
    return undefined;
  }
}

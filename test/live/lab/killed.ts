import { expect } from 'vitest';
import type { AgentHandle } from '../../lab/cluster.ts';
import type { ActionResult } from '../../lab/opennebula/mad.ts';

/**
 * An agent is killed at each of these points of one call, one after the other, and the call ends well: every recovery begins at what the kill
 * before it left. `<kind>.<step>.end`: what the step does is done, and not yet written down.
 */
export async function killedAt(agent: AgentHandle, points: readonly string[], call: () => Promise<ActionResult>): Promise<void> {
  await agent.arm(`${points[0] ?? ''}=kill`);
  const running = call();
  for (const [index, point] of points.entries()) {
    // A call that ends before its agent was killed says why.
    expect(await Promise.race([agent.exited, running]), point).toBe('SIGKILL');
    const next = points[index + 1];
    await agent.start(next === undefined ? '' : `${next}=kill`).catch((thrown: unknown) => {
      // It goes on with the operation before it is ready.
      if (next === undefined) throw thrown;
    });
  }
  expect(await running).toMatchObject({ exit: 0, info: '-' });
}

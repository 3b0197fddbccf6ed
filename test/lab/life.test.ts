import { expect, it } from 'vitest';
import { startCluster } from './cluster.ts';
import { runLife, SMALL_SIZES } from './life.ts';

it('carries a virtual machine through its whole life', async () => {
  const cluster = await startCluster();
  const said: string[] = [];
  try {
    const rows = await runLife(cluster, SMALL_SIZES, (text) => said.push(text));
    expect(rows.length).toBeGreaterThan(60);
    expect(rows.some((row) => row.movedBytes > 0)).toBe(true);
  } catch (thrown) {
    throw new Error(`${said.join('\n')}\n${cluster.logs()}`, { cause: thrown });
  } finally {
    await cluster.stop();
  }
}, 180_000);

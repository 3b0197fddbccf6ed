import { readFileSync } from 'node:fs';
import { type ReceiveInput, receive } from '../../../agent/operations/receive.ts';
import { startHost } from '../transfer/hosts.ts';

/** A target host in a process of its own, so that it can be killed: receives what the file of its first word says, then ends. */
interface Order {
  readonly root: string;
  readonly identity: string;
  readonly machineId: string;
  readonly operationId: string;
  readonly input: ReceiveInput;
  /** Works as this user. */
  readonly user?: number;
}

const order: Order = JSON.parse(readFileSync(process.argv[2] ?? '', 'utf8'));
const { root, identity, machineId, operationId, input, user } = order;
const host = await startHost('node2', { root, identity, machineId, retryForMs: 20_000 });
if (user !== undefined) process.setuid?.(user);
const handle = host.agent.operations.submit(receive(host.agent), { id: operationId, subject: 'a test', input });
try {
  process.stdout.write(`${JSON.stringify(await handle.done)}\n`);
} catch (thrown) {
  process.stdout.write(`${String(thrown)}\n`);
  process.exitCode = 1;
}
await host.stop();
process.exit();

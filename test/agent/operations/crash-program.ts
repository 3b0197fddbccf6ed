import path from 'node:path';
import type { AgentContext } from '../../../agent/context.ts';
import { createContext } from '../../../agent/operations/create-context.ts';
import { createDisk } from '../../../agent/operations/create-disk.ts';
import { removeDisk } from '../../../agent/operations/remove-disk.ts';
import { resizeDisk } from '../../../agent/operations/resize-disk.ts';
import { swapDisks } from '../../../agent/operations/swap-disks.ts';
import { createLogger } from '../../../runtime/log.ts';
import { Operations } from '../../../runtime/operations/operations.ts';
import type { OperationKind } from '../../../runtime/operations/types.ts';

/** What an agent does with one operation: takes up what is unfinished, then runs it. Arguments: directory, kind, input as JSON. */
const [base = '', name = '', text = ''] = process.argv.slice(2);
const log = createLogger('test', 'silent');
const operations = new Operations({ file: path.join(base, 'journal'), log });
const agent = {
  datastores: path.join(base, 'datastores'),
  vmFiles: path.join(base, 'vms'),
  hostName: 'node2',
  log,
  operations,
} as unknown as AgentContext;

const all = [createDisk(agent), resizeDisk(agent), removeDisk(agent), createContext(agent), swapDisks(agent)];
const kinds = all as unknown as readonly OperationKind<unknown, unknown>[];
for (const kind of kinds) operations.register(kind);
operations.recover();
const kind = kinds.find((one) => one.name === name);
if (kind === undefined) throw new Error(`no kind ${name}`);
await operations.submit(kind, { id: `op-${name}`, subject: 'disk 2 of VM 9', input: JSON.parse(text) }).done;
operations.stop();

import { bootBackup } from '../../../../agent/operations/boot-backup.ts';
import { flattenBackup } from '../../../../agent/operations/flatten-backup.ts';
import { importImage } from '../../../../agent/operations/import-image.ts';
import { storeBackup } from '../../../../agent/operations/store-backup.ts';
import { secretsOf } from '../../../../agent/origin/secrets.ts';
import type { OperationKind } from '../../../../runtime/operations/types.ts';
import { testAgent } from '../../origin/agent.ts';

// A process of its own that runs one operation, or goes on with it: `node child.ts <root> <operation id> <what, as JSON>`. It is there to be killed.
const [root = '', id = '', text = ''] = process.argv.slice(2);
const what = JSON.parse(text);
const host = await testAgent(root);
const agent = what.sshConfig === undefined ? host.agent : { ...host.agent, sshConfig: what.sshConfig };
const kinds = [storeBackup(agent), importImage(agent), flattenBackup(agent), bootBackup(agent)] as unknown as readonly OperationKind<
  unknown,
  unknown
>[];
for (const each of kinds) agent.operations.register(each);
secretsOf(agent).put(id, { path: '', s3: undefined, repository: what.secret });
agent.operations.recover();
const kind = kinds.find(({ name }) => name === what.kind)!;
const running = agent.operations.watch(id) ?? agent.operations.submit(kind, { id, subject: 'a test', input: kind.input.parse(what.input) });
await running.done;

// A process that writes an audit log without end, for audit.test.ts: it says how many lines it has written.

import { AuditLog } from '../../runtime/audit/log.ts';
import { createLogger } from '../../runtime/log.ts';

const [, , file = '', lines = '0'] = process.argv;
// The kernel would end the process at the limit of its files' sizes; a full disk does not.
process.on('SIGXFSZ', () => undefined);
const audit = new AuditLog({ file, log: createLogger('audit', 'silent') });
for (let index = 0; lines === '0' || index < Number(lines); index += 1) {
  audit.append({ event: 'test', index });
  process.stdout.write(`${index}\n`);
}
process.stdout.write(`lost ${audit.lost}\n`);
await new Promise<void>((resolve) => process.stdin.resume().once('end', resolve));
audit.append({ event: 'test', index: -1 });
audit.close();

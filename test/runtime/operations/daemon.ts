// A daemon with one operation, for tests that kill it: node daemon.ts STATE_FILE LINES_FILE [submit|recover] [fail]
import { createLogger } from '../../../runtime/log.ts';
import { Operations } from '../../../runtime/operations/operations.ts';
import { writeLines } from './kinds.ts';

const [state = '', file = '', what = '', fail = ''] = process.argv.slice(2);
const operations = new Operations({ file: state, log: createLogger('test', 'error') });
operations.register(writeLines);
operations.recover();
if (what === 'submit') operations.submit(writeLines, { id: 'op', subject: 'lines', input: { file, fail: fail === 'fail', wait: false } });
await operations.watch('op')?.done.catch(() => undefined);
process.stdout.write(`${JSON.stringify(operations.get('op'))}\n`);
operations.stop();

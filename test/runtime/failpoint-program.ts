// A process with one failpoint, for failpoint.test.ts: it says when it is there and when it got past.
import { failpoint } from '../../runtime/failpoint.ts';

process.stdout.write('before\n');
await failpoint('copy.rename');
process.stdout.write('after\n');

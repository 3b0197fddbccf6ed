// A daemon for daemon.test.ts. `fail` fails its start with a socket open; `slow` stops only when it is told to on standard input.
import { once } from 'node:events';
import { createServer } from 'node:net';
import { runDaemon } from '../../runtime/daemon.ts';
import { StorageError } from '../../runtime/errors.ts';
import { createLogger } from '../../runtime/log.ts';

const [mode] = process.argv.slice(2);
const log = createLogger('test');

await runDaemon({
  name: 'onestorage-test',
  start: async () => {
    const server = createServer().listen(0, '127.0.0.1');
    await once(server, 'listening');
    if (mode === 'fail') throw new StorageError('bad_config', 'agent.yaml:3: listen: wrong');
    log.info({ capability: 'abc', request: { capability: 'abc' } }, 'ready');
    return {
      stop: async () => {
        process.stdout.write('stopping\n');
        if (mode === 'slow') await once(process.stdin, 'data');
        server.close();
        process.stdin.destroy();
        process.stdout.write('stopped\n');
      },
    };
  },
});

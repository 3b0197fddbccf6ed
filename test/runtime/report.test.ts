import { describe, expect, it } from 'vitest';
import { askController } from '../../controller/cli/controller-socket.ts';
import { failureText } from '../../runtime/report.ts';

describe('failureText', () => {
  it('of a controller that does not run says how to start it', async () => {
    const socket = '/nonexistent/controller.sock';
    const thrown: unknown = await askController(socket, 'GET', '/v1/operations').catch((error: unknown) => error);
    expect(failureText('onestorage', thrown)).toBe(
      `onestorage: no controller listens on ${socket}; start it, or name its socket with --socket\n` +
        '  hint: start the daemon (onestorage controller, onestorage agent), or wait until it has started, and call again\n',
    );
  });
});

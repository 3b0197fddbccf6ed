import { loadConfig } from '../runtime/config.ts';
import { runDaemon } from '../runtime/daemon.ts';
import { createLogger } from '../runtime/log.ts';
import { controllerConfig } from './config.ts';
import { createController } from './controller.ts';
import { startServer } from './server/server.ts';

/** `onestorage controller`: runs until SIGTERM. */
export async function runController(configFile: string): Promise<void> {
  await runDaemon({
    name: 'onestorage-controller',
    start: async () => {
      const config = await loadConfig(configFile, controllerConfig, 'ONESTORAGE_CONTROLLER_');
      const log = createLogger('controller', config.log_level);
      const controller = await createController(config, log);
      await controller.start();
      const server = await startServer({
        socket: config.socket,
        handler: controller.handler,
        inspect: controller.inspect,
        looks: controller.looks,
        hostAdmin: controller.hostAdmin,
        adopt: controller.adopt,
        backups: controller.backups,
        log,
        dialect: config.opennebula.version,
      });
      return {
        stop: async () => {
          // First the shims: what ends from now on must not reach them as an outcome.
          await server.stop();
          controller.stop();
        },
      };
    },
  });
}

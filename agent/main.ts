import { loadConfig } from '../runtime/config.ts';
import { runDaemon } from '../runtime/daemon.ts';
import { createLogger } from '../runtime/log.ts';
import { startAgent } from './agent.ts';
import { agentConfigSchema } from './config.ts';

/** `onestorage agent`: runs until SIGTERM. */
export async function runAgent(configFile: string): Promise<void> {
  await runDaemon({
    name: 'onestorage-agent',
    start: async () => {
      const config = await loadConfig(configFile, agentConfigSchema, 'ONESTORAGE_AGENT_');
      return startAgent(config, createLogger('agent', config.log_level));
    },
  });
}

import { agentConfigSchema } from '../../agent/config.ts';
import { controllerConfig } from '../../controller/config.ts';
import { renderConfig } from './render.ts';

/** The daemons' configuration files: their schema, the head of the packaged file, and the variables that override single keys. */
export const CONFIGURATIONS = {
  agent: {
    schema: agentConfigSchema,
    prefix: 'ONESTORAGE_AGENT_',
    about: 'Configuration of the agent of this host; see onestorage-agent.yaml(5).',
  },
  controller: {
    schema: controllerConfig,
    prefix: 'ONESTORAGE_CONTROLLER_',
    about: 'Configuration of the controller of this front-end; see onestorage-controller.yaml(5).',
  },
} as const;

export type DaemonName = keyof typeof CONFIGURATIONS;

/** Text of /etc/onestorage/<daemon>.yaml as it is packaged. */
export function packagedConfig(daemon: DaemonName): string {
  const { schema, about } = CONFIGURATIONS[daemon];
  return renderConfig(schema, [
    about,
    `A key that is not set has the value shown here, or, where that says so, none. After a change: systemctl restart onestorage-${daemon}`,
  ]);
}

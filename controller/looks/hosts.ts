import type { ControllerConfig } from '../config.ts';
import type { AgentLooks } from '../hosts/agent-looks.ts';
import type { HostDirectory } from '../hosts/directory.ts';
import { askHosts, configuredHosts, isOnlyFrontEnd, type Unanswered } from './ask-hosts.ts';

/** A configured host as an operator sees it. Times in ms since the epoch. */
export interface HostLook {
  readonly name: string;
  readonly address: string;
  readonly frontEnd: boolean;
  /** undefined: it does not answer, see failure. */
  readonly agent:
    | {
        /** As the certificate names it. */
        readonly hostName: string;
        readonly machineId: string;
        readonly version: string;
        readonly datastores: string;
        readonly missingPrograms: readonly string[];
        readonly runningOperations: number;
        readonly certificateNotAfter: number;
      }
    | undefined;
  readonly failure: Unanswered | undefined;
}

export interface HostServices {
  readonly config: Pick<ControllerConfig, 'hosts'>;
  readonly hosts: HostDirectory;
  readonly agents: Pick<AgentLooks, 'check'>;
}

/** All configured hosts, the front-end first. Hosts that do not answer are among them. */
export async function lookAtHosts({ config, hosts, agents }: HostServices, signal: AbortSignal): Promise<readonly HostLook[]> {
  const answers = await askHosts(configuredHosts(config, hosts), (host, each) => agents.check(host, each), signal);
  return answers.map(({ host, value, failure }) => {
    const { name, address } = host;
    const common = { name, address, frontEnd: address === hosts.frontEnd.address, failure };
    if (value === undefined) return { ...common, agent: undefined };
    const { hostName, machineId, version, datastores, runningOperations } = value;
    const missingPrograms = neededPrograms(value.missingPrograms, isOnlyFrontEnd(host, config, hosts));
    const facts = { hostName, machineId, version, datastores, missingPrograms, runningOperations };
    return { ...common, agent: { ...facts, certificateNotAfter: value.certificateNotAfterUnixMs } };
  });
}

/** Without virtual machines nobody needs the hypervisor, or its tool; and what only RESTIC_SPARSIFY asks for, the log of that action says. */
export function neededPrograms(missing: readonly string[], onlyFrontEnd: boolean): readonly string[] {
  const notMissed = onlyFrontEnd ? /^(?:virsh|qemu-system-\S+|virt-sparsify) / : /^virt-sparsify /;
  return missing.filter((text) => !notMissed.test(text));
}

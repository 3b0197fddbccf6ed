import { Argument, Command } from 'commander';
import packageJson from '../package.json' with { type: 'json' };

/** Groups of commands: only the one that is called is loaded, so that the others cost neither time nor memory. */
const GROUPS: Readonly<Record<string, { readonly summary: string; readonly load: () => Promise<Command> }>> = {
  pki: {
    summary: 'issue and look at the certificates of agents, controller and admins',
    load: async () => (await import('../controller/cli/pki.ts')).pkiCommand(),
  },
  shims: {
    summary: 'install the drivers into OpenNebula, or look at what is installed',
    load: async () => (await import('../controller/cli/shims.ts')).shimsCommand(),
  },
  setup: {
    summary: 'put onestorage into the OpenNebula of this front-end',
    load: async () => (await import('../controller/cli/setup.ts')).setupCommand(),
  },
  host: {
    summary: 'let hosts join, and revoke them',
    load: async () => (await import('../controller/cli/host.ts')).hostCommand(),
  },
  adopt: {
    summary: 'switch a datastore over from the stock drivers, or back',
    load: async () => (await import('../controller/cli/adopt.ts')).adoptCommand(),
  },
  ops: {
    summary: 'look at, follow and cancel operations',
    load: async () => (await import('../controller/cli/ops.ts')).opsCommand(),
  },
  audit: {
    summary: 'check the audit log of an agent or a controller',
    load: async () => (await import('../controller/cli/audit.ts')).auditCommand(),
  },
  hosts: {
    summary: 'the front-end and every configured host: who answers, with which version, doing how much',
    load: async () => (await import('../controller/cli/hosts.ts')).hostsCommand(),
  },
  datastores: {
    summary: 'the datastores with a driver of onestorage, and their space on each host',
    load: async () => (await import('../controller/cli/datastores.ts')).datastoresCommand(),
  },
  vms: {
    summary: 'virtual machines: where their directories are, and their disks',
    load: async () => (await import('../controller/cli/vms.ts')).vmsCommand(),
  },
  backups: {
    summary: 'look at and verify backups; let the next backup of a machine be a full one',
    load: async () => (await import('../controller/cli/backups.ts')).backupsCommand(),
  },
  transfers: {
    summary: 'operations under way that move data',
    load: async () => (await import('../controller/cli/transfers.ts')).transfersCommand(),
  },
  logs: {
    summary: 'all that is known of an operation: its record, those of its steps on the hosts, where its lines are',
    load: async () => (await import('../controller/cli/logs.ts')).logsCommand(),
  },
  explain: {
    summary: 'what an action would do, without doing it',
    load: async () => (await import('../controller/cli/explain.ts')).explainCommand(),
  },
  doctor: {
    summary: 'find what is wrong with the setup, and say what to do about it',
    load: async () => (await import('../controller/cli/doctor.ts')).doctorCommand(),
  },
  fsck: {
    summary: 'find what does not fit in a datastore, and set it aside',
    load: async () => (await import('../controller/cli/fsck.ts')).fsckCommand(),
  },
};

/** The command line. `wanted`: the group that is loaded; undefined: all. */
export async function createProgram(wanted: string | undefined): Promise<Command> {
  const program = new Command('onestorage')
    .description('Storage drivers for OpenNebula: an agent on every host, a controller on the front-end.')
    .version(packageJson.version, '--version', 'print the version')
    .helpOption('-h, --help', 'print what a command takes')
    .showSuggestionAfterError()
    .exitOverride()
    .configureOutput({ outputError: (text, write) => write(text.replace(/^error: /u, 'onestorage: ')) });

  const agent = program
    .command('agent')
    .description('run the agent of this host until SIGTERM; join: get its certificate')
    .option('-c, --config <file>', 'configuration', '/etc/onestorage/agent.yaml')
    .addHelpText('after', '\nExample:\n  onestorage agent --config /etc/onestorage/agent.yaml')
    .action(async ({ config }: { readonly config: string }) => (await import('../agent/main.ts')).runAgent(config));
  if (wanted === undefined || wanted === 'agent')
    agent.addCommand(inherit((await import('../agent/enrolment/command.ts')).joinCommand(), program));
  program
    .command('controller')
    .description('run the controller of this front-end until SIGTERM')
    .option('-c, --config <file>', 'configuration', '/etc/onestorage/controller.yaml')
    .addHelpText('after', '\nExample:\n  onestorage controller --config /etc/onestorage/controller.yaml')
    .action(async ({ config }: { readonly config: string }) => (await import('../controller/main.ts')).runController(config));

  program
    .command('completion')
    .description('print the completion of commands and options for a shell')
    .addArgument(new Argument('<shell>').choices(['bash', 'zsh']))
    .addHelpText(
      'after',
      '\nExamples:\n  onestorage completion bash > /etc/bash_completion.d/onestorage\n  source <(onestorage completion bash)',
    )
    .action(async (shell: 'bash' | 'zsh') => {
      const { completionScript } = await import('../controller/cli/completion.ts');
      process.stdout.write(completionScript(shell, await createProgram(undefined)));
    });

  for (const [name, { summary, load }] of Object.entries(GROUPS)) {
    program.addCommand(wanted === undefined || name === wanted ? inherit(await load(), program) : new Command(name).description(summary));
  }
  return program;
}

/** Output and errors of a command that was made elsewhere, and of all below it, are those of the program. */
function inherit(command: Command, parent: Command): Command {
  command.copyInheritedSettings(parent);
  for (const child of command.commands) inherit(child, command);
  return command;
}

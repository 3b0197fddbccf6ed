import { Argument, Command } from 'commander';
import packageJson from '../package.json' with { type: 'json' };

interface Entry {
  readonly heading: 'Look:' | 'Set up:';
  readonly summary: string;
  readonly load: () => Promise<Command>;
}

const HELP = `
Every listing prints one JSON document with --json. Colours are left out where standard output is no terminal, and with NO_COLOR.

Exit status: 0 done, and nothing is wrong; 1 something is wrong, or was refused; 2 called in a wrong way, or nobody could be asked.

Examples:
  onestorage doctor                  # what is wrong with the setup
  onestorage hosts                   # who answers
  onestorage ops list --watch        # what is under way, with rate and remaining time
  onestorage logs 4f0c2f6e           # all that is known of one operation
  onestorage help ops                # a command with its options, exit statuses and examples`;

/** Groups of commands: only the one that is called is loaded, so that the others cost neither time nor memory. */
const GROUPS: Readonly<Record<string, Entry>> = {
  hosts: {
    heading: 'Look:',
    summary: 'the front-end and every configured host: who answers, with which version, doing how much',
    load: async () => (await import('../controller/cli/hosts.ts')).hostsCommand(),
  },
  datastores: {
    heading: 'Look:',
    summary: 'the datastores with a driver of onestorage, and their space on each host',
    load: async () => (await import('../controller/cli/datastores.ts')).datastoresCommand(),
  },
  vms: {
    heading: 'Look:',
    summary: 'virtual machines: where their directories are, and their disks',
    load: async () => (await import('../controller/cli/vms.ts')).vmsCommand(),
  },
  ops: {
    heading: 'Look:',
    summary: 'look at, follow and cancel operations',
    load: async () => (await import('../controller/cli/ops.ts')).opsCommand(),
  },
  transfers: {
    heading: 'Look:',
    summary: 'operations under way that move data',
    load: async () => (await import('../controller/cli/transfers.ts')).transfersCommand(),
  },
  logs: {
    heading: 'Look:',
    summary: 'all that is known of an operation: its record, those of its steps on the hosts, where its lines are',
    load: async () => (await import('../controller/cli/logs.ts')).logsCommand(),
  },
  explain: {
    heading: 'Look:',
    summary: 'what an action would do, without doing it',
    load: async () => (await import('../controller/cli/explain.ts')).explainCommand(),
  },
  backups: {
    heading: 'Look:',
    summary: 'look at and verify backups; let the next backup of a machine be a full one',
    load: async () => (await import('../controller/cli/backups.ts')).backupsCommand(),
  },
  doctor: {
    heading: 'Look:',
    summary: 'find what is wrong with the setup, and say what to do about it',
    load: async () => (await import('../controller/cli/doctor.ts')).doctorCommand(),
  },
  fsck: {
    heading: 'Look:',
    summary: 'find what does not fit in a datastore, and set it aside',
    load: async () => (await import('../controller/cli/fsck.ts')).fsckCommand(),
  },
  audit: {
    heading: 'Look:',
    summary: 'check the audit log of an agent or a controller',
    load: async () => (await import('../controller/cli/audit.ts')).auditCommand(),
  },
  setup: {
    heading: 'Set up:',
    summary: 'put onestorage into the OpenNebula of this front-end',
    load: async () => (await import('../controller/cli/setup.ts')).setupCommand(),
  },
  host: {
    heading: 'Set up:',
    summary: 'let hosts join, and revoke them',
    load: async () => (await import('../controller/cli/host.ts')).hostCommand(),
  },
  adopt: {
    heading: 'Set up:',
    summary: 'switch a datastore over from the stock drivers, or back',
    load: async () => (await import('../controller/cli/adopt.ts')).adoptCommand(),
  },
  shims: {
    heading: 'Set up:',
    summary: 'install the drivers into OpenNebula, or take them away',
    load: async () => (await import('../controller/cli/shims.ts')).shimsCommand(),
  },
  pki: {
    heading: 'Set up:',
    summary: 'issue and look at the certificates of agents, controller and admins',
    load: async () => (await import('../controller/cli/pki.ts')).pkiCommand(),
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
    .commandsGroup('Run:')
    .addHelpText('after', HELP)
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

  for (const [name, { heading, summary, load }] of Object.entries(GROUPS)) {
    const command = wanted === undefined || name === wanted ? inherit(await load(), program) : new Command(name).description(summary);
    program.addCommand(command.helpGroup(heading));
  }
  return program;
}

/** Output and errors of a command that was made elsewhere, and of all below it, are those of the program. */
function inherit(command: Command, parent: Command): Command {
  command.copyInheritedSettings(parent);
  for (const child of command.commands) inherit(child, command);
  return command;
}

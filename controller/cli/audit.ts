import { Command } from 'commander';
import { inOrder, type Verdict, verifyFile } from '../../runtime/audit/verify.ts';

const EXAMPLES = `
Examples:
  onestorage audit verify /var/lib/onestorage/agent/audit.log
  onestorage audit verify /var/lib/onestorage/controller/audit.log*

Every line holds the SHA-256 of the line before it, so a changed or missing line breaks the chain. What only lacks lines at its end is
whole to this command: compare the head it prints with the ones that the daemon wrote to its own log ("audit log", "audit log rotated"),
or give one of those as --head.`;

interface Options {
  readonly head?: string;
  readonly json?: boolean;
}

/** `onestorage audit …`: looks at audit logs. It reads files and asks no daemon. */
export function auditCommand(): Command {
  const command = new Command('audit').description('check the audit log of an agent or a controller').addHelpText('after', EXAMPLES);
  command
    .command('verify <file...>')
    .description('say whether the files are whole, or which line is the first that is not; exit status 1 then')
    .option('--head <sha256>', 'a line with this hash must be there')
    .option('--json', 'print JSON')
    .action((files: string[], options: Options) => verify(files, options));
  return command;
}

async function verify(files: readonly string[], { head, json }: Options): Promise<void> {
  const verdicts: Verdict[] = [];
  let before: Verdict | undefined;
  let found = head === undefined;
  const look = (hash: string): void => {
    if (hash === head?.toLowerCase()) found = true;
  };
  for (const file of inOrder(files)) {
    const follows = before !== undefined && before.broken === undefined && sameLog(before.file, file);
    before = await verifyFile(file, follows ? before?.head : undefined, look);
    verdicts.push(before);
  }
  if (!found || verdicts.some(({ broken }) => broken !== undefined)) process.exitCode = 1;
  if (json === true) {
    process.stdout.write(`${JSON.stringify(head === undefined ? { files: verdicts } : { files: verdicts, headFound: found })}\n`);
    return;
  }
  for (const verdict of verdicts) process.stdout.write(`${verdictText(verdict)}\n`);
  if (!found) process.stdout.write(`no line has the hash ${head}: lines at the end are missing, or the files are others\n`);
  const last = verdicts.at(-1);
  if (last?.broken === undefined && last?.head !== undefined) process.stdout.write(`head ${last.head}\n`);
}

function sameLog(one: string, other: string): boolean {
  const base = (file: string): string => file.replace(/\.\d{1,9}$/u, '');
  return base(one) === base(other);
}

function verdictText({ file, lines, mended, open, broken }: Verdict): string {
  if (broken !== undefined) return `${file}:${broken.line}: broken: ${broken.why}`;
  const remarks = [
    ...(mended === 0 ? [] : [`${mended} cut by a crash and marked`]),
    ...(open ? ['the last one is not complete: the daemon writes it now, or marks it at its next start'] : []),
  ];
  return `${file}: whole, ${lines} lines${remarks.length === 0 ? '' : ` (${remarks.join('; ')})`}`;
}

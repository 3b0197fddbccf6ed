import { CommanderError } from 'commander';
import { failureText } from '../runtime/report.ts';
import { createProgram } from './program.ts';

/** Exit statuses: 1 the command failed, 2 it was called in a wrong way. */
const FAILED = 1;
const USAGE = 2;

async function main(words: readonly string[]): Promise<void> {
  try {
    const [verb, ...rest] = words;
    // commander's own `help` knows one level, and leaves out examples.
    const meant = verb === 'help' && rest.length > 0 ? [...rest, '--help'] : words;
    const program = await createProgram(meant[0] ?? '');
    await program.parseAsync(meant, { from: 'user' });
  } catch (thrown) {
    if (thrown instanceof CommanderError) {
      // Help and version that were asked for are no failure.
      process.exitCode = thrown.exitCode === 0 ? 0 : USAGE;
      return;
    }
    process.stderr.write(failureText('onestorage', thrown));
    process.exitCode = FAILED;
  }
}

// A reader that has seen enough (head, grep -q) is no failure.
process.stdout.on('error', (error: NodeJS.ErrnoException) => process.exit(error.code === 'EPIPE' ? 0 : FAILED));

await main(process.argv.slice(2));

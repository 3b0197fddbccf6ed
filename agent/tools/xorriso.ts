import { run, type ToolContext } from './run.ts';

/** Every date in the image, so that the same files make the same bytes: 2000-01-01. */
const DATE = { epoch: '946684800', text: '2000010100000000' } as const;

/**
 * Writes the files of `directory` as an ISO 9660 image with Joliet and Rock Ridge names and the label CONTEXT (contract 2.2), readable by
 * everybody and owned by root. The same files make the same bytes.
 */
export async function makeIso(directory: string, target: string, context: ToolContext): Promise<void> {
  const look = `--set_all_file_dates ${DATE.text} -V CONTEXT -J -R -uid 0 -gid 0 -dir-mode 0755 -file-mode 0644`.split(' ');
  // -no_rc: no start-up file of the user may change the result. No `--` before the directory: there it would end the command.
  await run('xorriso', ['-no_rc', '-as', 'mkisofs', '-quiet', '-o', target, ...look, directory], {
    signal: context.signal,
    count: (figures) => context.count?.(figures),
    env: { SOURCE_DATE_EPOCH: DATE.epoch },
    timeoutMs: 300_000,
  });
}

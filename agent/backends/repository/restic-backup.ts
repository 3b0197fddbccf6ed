import { z } from 'zod';
import { StorageError } from '../../../runtime/errors.ts';
import type { RunResult } from '../../tools/run.ts';
import type { FileFacts } from './facts.ts';
import type { RepositoryContext } from './repository.ts';

const INCOMPLETE = 3;

const statusSchema = z.object({
  message_type: z.literal('status'),
  bytes_done: z.number().default(0),
  total_bytes: z.number().default(0),
});
const summarySchema = z.object({
  message_type: z.literal('summary'),
  snapshot_id: z.string(),
  data_added: z.number().default(0),
  total_files_processed: z.number().default(0),
  total_bytes_processed: z.number().default(0),
});
const messageSchema = z.union([statusSchema, summarySchema]);

/**
 * Follows `restic backup --json` and gives the id of the snapshot, eight digits of it: 0.14 says no more, 0.16 says all. A snapshot that lacks a
 * file (exit code 3), or anything of the bytes that were there when the checksums were taken, is an error: the operation that made it takes it back.
 */
export async function readBackup(
  run: (onLine: (line: string) => void) => Promise<RunResult>,
  files: readonly FileFacts[],
  label: string,
  context: RepositoryContext,
): Promise<string> {
  let summary: z.infer<typeof summarySchema> | undefined;
  const result = await run((line) => {
    const message = parse(line);
    if (message === undefined) return;
    if (message.message_type === 'summary') summary = message;
    else context.report({ step: 'upload', doneBytes: message.bytes_done, totalBytes: message.total_bytes });
  });
  if (result.code === INCOMPLETE) {
    throw new StorageError('storage_failed', 'restic could not read a file of the backup', { detail: result.stderr });
  }
  if (summary === undefined) {
    throw new StorageError('tool_failed', `restic backup to ${label}: it did not say what it stored`, { detail: result.stderr });
  }
  const { data_added, total_bytes_processed, total_files_processed, snapshot_id } = summary;
  const sizeBytes = files.reduce((sum, file) => sum + file.sizeBytes, 0);
  if (total_files_processed !== files.length || total_bytes_processed !== sizeBytes) {
    const stored = `${total_files_processed} files of ${total_bytes_processed} bytes`;
    throw new StorageError('storage_failed', `restic stored ${stored} at ${label}, not ${files.length} of ${sizeBytes} bytes`);
  }
  context.count?.({ movedBytes: data_added, skippedBytes: Math.max(0, total_bytes_processed - data_added) });
  return snapshot_id.slice(0, 8);
}

function parse(line: string): z.infer<typeof messageSchema> | undefined {
  if (!line.startsWith('{')) return undefined;
  try {
    return messageSchema.safeParse(JSON.parse(line)).data;
  } catch {
    return undefined;
  }
}

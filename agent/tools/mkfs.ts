import { run, type ToolContext } from './run.ts';

/** What a fresh disk may carry (contract 4: SUPPORTED_FS). */
export const FILE_SYSTEMS = ['ext2', 'ext3', 'ext4', 'xfs'] as const;

export type FileSystem = (typeof FILE_SYSTEMS)[number];

/** `force` because the target is a plain file, which the programs ask about. `keep`: do not give allocated blocks back. */
const COMMANDS = {
  ext2: { program: 'mkfs.ext2', force: ['-F', '-q'], keep: ['-E', 'nodiscard'] },
  ext3: { program: 'mkfs.ext3', force: ['-F', '-q'], keep: ['-E', 'nodiscard'] },
  ext4: { program: 'mkfs.ext4', force: ['-F', '-q'], keep: ['-E', 'nodiscard'] },
  xfs: { program: 'mkfs.xfs', force: ['-f', '-q'], keep: ['-K'] },
} as const satisfies Readonly<Record<FileSystem, unknown>>;

/** Makes an empty file system in a raw file that has its size already. `preallocated`: its blocks stay allocated. */
export async function mkfs(
  file: string,
  fileSystem: FileSystem,
  options: { readonly preallocated: boolean },
  context: ToolContext,
): Promise<void> {
  const { program, force, keep } = COMMANDS[fileSystem];
  await run(program, [...force, ...(options.preallocated ? keep : []), '--', file], context);
}

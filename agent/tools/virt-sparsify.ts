import { run, type ToolContext } from './run.ts';

/**
 * Gives back what a guest's file systems do not use, in the image itself; needs a file system that holes can be made in. A small machine of libguestfs
 * mounts them, so nothing of the guest's data is read by this host. Interrupted it leaves the same disk, with fewer holes. `cache`: a directory for
 * the files of that machine. Errors: missing_program, tool_failed (no file system that it knows), cancelled.
 */
export async function sparsify(image: string, cache: string, context: ToolContext): Promise<void> {
  const env = { LIBGUESTFS_BACKEND: 'direct', LIBGUESTFS_CACHEDIR: cache, TMPDIR: cache };
  await run('virt-sparsify', ['--in-place', '--quiet', '--format=qcow2', image], { ...context, env, nice: true });
}

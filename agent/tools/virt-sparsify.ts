import { run, type ToolContext } from './run.ts';

/** Where supermin finds a kernel on a host that has none in /boot; an administrator sets them for the agent. */
const KERNEL = ['SUPERMIN_KERNEL', 'SUPERMIN_KERNEL_VERSION', 'SUPERMIN_MODULES'] as const;

/**
 * Gives back what a guest's file systems do not use, in the image itself; needs a file system that holes can be made in. A small machine of libguestfs
 * mounts them, so nothing of the guest's data is read by this host; it is emulated, as the one of `verify --boot`. Interrupted it leaves the same disk,
 * with fewer holes. `cache`: a directory for the files of that machine. Errors: missing_program, tool_failed (no file system that it knows), cancelled.
 */
export async function sparsify(image: string, cache: string, context: ToolContext): Promise<void> {
  const machine = { LIBGUESTFS_BACKEND: 'direct', LIBGUESTFS_BACKEND_SETTINGS: 'force_tcg', LIBGUESTFS_CACHEDIR: cache, TMPDIR: cache };
  const kernel = KERNEL.flatMap((name) => (process.env[name] === undefined ? [] : [[name, process.env[name]] as const]));
  const env = { ...machine, ...Object.fromEntries(kernel) };
  await run('virt-sparsify', ['--in-place', '--quiet', '--format=qcow2', image], { ...context, env, nice: true });
}

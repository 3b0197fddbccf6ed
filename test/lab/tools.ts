import { execFile } from 'node:child_process';
import { promisify } from 'node:util';

const execute = promisify(execFile);

/** Runs a program for the lab itself (never on the product's behalf) and gives its output; an error carries what it said. */
export async function tool(program: string, ...argv: readonly string[]): Promise<string> {
  try {
    const { stdout } = await execute(program, argv, { maxBuffer: 64 << 20, encoding: 'utf8' });
    return stdout;
  } catch (thrown) {
    const stderr: unknown = Reflect.get(Object(thrown), 'stderr');
    const stdout: unknown = Reflect.get(Object(thrown), 'stdout');
    throw new Error(`${program} ${argv.join(' ')}: ${String(stderr || stdout || thrown).trim()}`, { cause: thrown });
  }
}

export interface DiskFacts {
  readonly format: string;
  readonly virtualSize: number;
  readonly backing: string | undefined;
}

/** What qemu-img says of a disk that nobody else is using. */
export async function diskFacts(file: string, format: string): Promise<DiskFacts> {
  const facts: Record<string, unknown> = JSON.parse(await tool('qemu-img', 'info', '-f', format, '--output=json', file));
  const backing = facts['backing-filename'];
  return {
    format: String(facts['format']),
    virtualSize: Number(facts['virtual-size']),
    backing: typeof backing === 'string' ? backing : undefined,
  };
}

/** Writes into a disk as a guest would: `size` bytes of `pattern` at `offset`. */
export async function guestWrite(file: string, format: string, offset: number, size: number, pattern: number): Promise<void> {
  await tool('qemu-io', '-f', format, '-c', `write -P ${pattern} ${offset} ${size}`, '-c', 'flush', file);
}

/** Are the contents the same? A longer one must end in zeros. Throws with the first difference. */
export async function sameContent(a: string, formatA: string, b: string, formatB: string): Promise<void> {
  const said = await tool('qemu-img', 'compare', '-f', formatA, '-F', formatB, a, b);
  if (!/identical/i.test(said)) throw new Error(`${a} and ${b}: ${said.trim()}`);
}

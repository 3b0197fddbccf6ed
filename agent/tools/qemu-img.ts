import path from 'node:path';
import { z } from 'zod';
import { StorageError } from '../../runtime/errors.ts';
import { type Bytes, bytes, GIB } from '../../runtime/units.ts';
import { type RunOptions, type RunResult, run, type ToolContext } from './run.ts';

/** Formats are always said, never probed: a guest writes what it likes into a raw disk. */
export type ImageFormat = 'raw' | 'qcow2';

export interface ImageInfo {
  readonly format: string;
  readonly virtualSize: Bytes;
  /** The backing file's name as it stands in the header. */
  readonly backing: string | undefined;
  readonly backingFormat: string | undefined;
}

export interface BackingFile {
  /** As it is to stand in the header; relative to the directory of the image. */
  readonly name: string;
  readonly format: ImageFormat;
}

/** Called with 0 to 1 while it works. */
export interface ProgressOptions {
  readonly onProgress?: (done: number) => void;
}

/** For files that a user brought: an image can ask for memory and time without end. */
const UNTRUSTED = { limits: { addressSpace: GIB, cpuSeconds: 30 }, timeoutMs: 60_000 } as const;

/** qemu takes `word:` at the start of a relative name as a protocol, so only absolute paths reach it. */
function file(name: string): string {
  if (!path.isAbsolute(name)) throw new StorageError('internal', `qemu-img: not an absolute path: ${name}`);
  return name;
}

/** A backing name may be relative, hence must not look like `nbd:…`, `json:…` or an option. */
function backingName(name: string): string {
  const colon = name.indexOf(':');
  const slash = name.indexOf('/');
  if (name === '' || (colon !== -1 && (slash === -1 || colon < slash))) {
    throw new StorageError('broken_chain', `not a name for a backing file: '${name}'`);
  }
  return name;
}

function qemuImg(args: readonly string[], context: ToolContext, more: Partial<RunOptions> = {}): Promise<RunResult> {
  const { signal, before = [] } = context;
  return run('qemu-img', args, { signal, before, count: (figures) => context.count?.(figures), ...more });
}

function withProgress({ onProgress }: ProgressOptions): { readonly args: readonly string[]; readonly more: Partial<RunOptions> } {
  if (onProgress === undefined) return { args: ['-q'], more: {} };
  const onLine = (line: string): void => {
    const percent = /\((\d+(?:\.\d+)?)\/100%\)/u.exec(line)?.[1];
    if (percent !== undefined) onProgress(Number(percent) / 100);
  };
  return { args: ['-p'], more: { onLine } };
}

const reportSchema = z.object({
  format: z.string(),
  'virtual-size': z.number(),
  'backing-filename': z.string().optional(),
  'backing-filename-format': z.string().optional(),
});

/** What the header of the image says. `untrusted`: with limits of memory and time. */
export async function info(
  name: string,
  format: ImageFormat,
  context: ToolContext,
  options: { readonly untrusted?: boolean } = {},
): Promise<ImageInfo> {
  const { stdout } = await qemuImg(['info', '-f', format, '--output=json', '--', file(name)], context, options.untrusted ? UNTRUSTED : {});
  const report = reportSchema.parse(JSON.parse(stdout));
  return {
    format: report.format,
    virtualSize: bytes(report['virtual-size']),
    backing: report['backing-filename'],
    backingFormat: report['backing-filename-format'],
  };
}

export interface CreateOptions {
  readonly backing?: BackingFile;
  readonly preallocate?: boolean;
}

/** Makes an image; an existing file is overwritten. `size` undefined: that of the backing file. */
export async function create(
  name: string,
  format: ImageFormat,
  size: Bytes | undefined,
  options: CreateOptions,
  context: ToolContext,
): Promise<void> {
  const { backing, preallocate } = options;
  const args = ['create', '-q', '-f', format];
  if (backing !== undefined) args.push('-b', backingName(backing.name), '-F', backing.format);
  if (preallocate === true) args.push('-o', 'preallocation=falloc');
  args.push('--', file(name));
  if (size !== undefined) args.push(String(size));
  await qemuImg(args, context);
}

/** Grows an image. Never shrinks one. */
export async function resize(
  name: string,
  format: ImageFormat,
  size: Bytes,
  options: { readonly preallocate?: boolean },
  context: ToolContext,
): Promise<void> {
  const preallocation = options.preallocate === true ? ['--preallocation=falloc'] : [];
  await qemuImg(['resize', '-q', '-f', format, ...preallocation, '--', file(name), String(size)], context);
}

export interface ConvertOptions {
  readonly preallocate?: boolean;
  /** The target is there and reads as zeros. */
  readonly zeroed?: boolean;
  /** 0: no limit. */
  readonly bytesPerSecond?: number;
  /** Lowest CPU priority. */
  readonly nice?: boolean;
}

/** Cuts an image off. What is behind its new end is lost. */
export async function shrink(name: string, format: ImageFormat, size: Bytes, context: ToolContext): Promise<void> {
  await qemuImg(['resize', '-q', '-f', format, '--shrink', '--', file(name), String(size)], context);
}

/** Writes what `source` and its backing files hold as one new image without backing file. */
export async function convert(
  source: string,
  sourceFormat: ImageFormat,
  target: string,
  targetFormat: ImageFormat,
  options: ProgressOptions & ConvertOptions,
  context: ToolContext,
): Promise<void> {
  const { args, more } = withProgress(options);
  const { preallocate = false, zeroed = false, bytesPerSecond = 0, nice = false } = options;
  const how = [
    ...(preallocate ? ['-o', 'preallocation=falloc'] : []),
    ...(zeroed ? ['-n', '--target-is-zero'] : []),
    ...(bytesPerSecond > 0 ? ['-r', String(bytesPerSecond)] : []),
  ];
  const formats = ['-f', sourceFormat, '-O', targetFormat];
  await qemuImg(['convert', ...args, ...formats, ...how, '--', file(source), file(target)], context, { ...more, nice });
}

/** Adds a persistent bitmap, which from then on tells what is written; or removes one. */
export async function changeBitmap(name: string, change: 'add' | 'remove', bitmap: string, context: ToolContext): Promise<void> {
  await qemuImg(['bitmap', `--${change}`, '-f', 'qcow2', '--', file(name), bitmap], context);
}

/** Writes into the layer below what an image holds, which then holds nothing of its own. */
export async function commitDown(name: string, context: ToolContext): Promise<void> {
  await qemuImg(['commit', '-q', '-f', 'qcow2', '-t', 'writethrough', '--', file(name)], context);
}

/**
 * Gives an image another backing file, or none (undefined). Unsafe: only the name in the header changes; else what differs is copied into the
 * image first.
 *
 * Written through, because qemu-img changes the header before it writes the tables it still holds in memory: killed between the two, the new
 * header stands and the copied data is lost. Written through, the tables are on disk before the header changes, so a kill or a cancel at any
 * moment leaves the old chain or the new one, and the same call made again goes on.
 */
export async function rebase(
  name: string,
  format: ImageFormat,
  backing: BackingFile | undefined,
  options: ProgressOptions & { readonly unsafe?: boolean },
  context: ToolContext,
): Promise<void> {
  const { args, more } = withProgress(options);
  const how = options.unsafe === true ? ['-u'] : ['-t', 'writethrough'];
  const target = backing === undefined ? ['-b', ''] : ['-b', backingName(backing.name), '-F', backing.format];
  await qemuImg(['rebase', ...args, ...how, '-f', format, ...target, '--', file(name)], context, more);
}

/** Writes what an overlay holds into its backing file. Killed at any moment, the same call made again goes on. */
export async function commit(name: string, options: ProgressOptions, context: ToolContext): Promise<void> {
  const { args, more } = withProgress(options);
  // -d: the overlay is not emptied, so that it can be committed again.
  await qemuImg(['commit', ...args, '-d', '-t', 'writeback', '-f', 'qcow2', '--', file(name)], context, more);
}

const bitmapsSchema = z.object({
  'format-specific': z.object({ data: z.object({ bitmaps: z.array(z.object({ name: z.string() })).default([]) }) }),
});

/** Names of the bitmaps that a qcow2 image keeps. */
export async function bitmaps(name: string, context: ToolContext): Promise<readonly string[]> {
  const { stdout } = await qemuImg(['info', '-f', 'qcow2', '--output=json', '--', file(name)], context);
  return bitmapsSchema.parse(JSON.parse(stdout))['format-specific'].data.bitmaps.map((bitmap) => bitmap.name);
}

export async function removeBitmap(name: string, bitmap: string, context: ToolContext): Promise<void> {
  await qemuImg(['bitmap', '--remove', '-f', 'qcow2', '--', file(name), bitmap], context);
}

const checkSchema = z.object({ corruptions: z.number().default(0), leaks: z.number().default(0), 'check-errors': z.number().default(0) });

/** Consistency of a qcow2 image. Leaks waste space and are harmless. */
export async function check(name: string, context: ToolContext): Promise<{ readonly corruptions: number; readonly leaks: number }> {
  const { stdout } = await qemuImg(['check', '-f', 'qcow2', '--output=json', '--', file(name)], context, { okCodes: [0, 2, 3] });
  const report = checkSchema.parse(JSON.parse(stdout));
  return { corruptions: report.corruptions + report['check-errors'], leaks: report.leaks };
}

/** Do two images show a guest the same content? One may be longer by zeros; `-s` would tell, but also minds which zeros are allocated. */
export async function compare(a: string, formatA: ImageFormat, b: string, formatB: ImageFormat, context: ToolContext): Promise<boolean> {
  const args = ['compare', '-q', '-f', formatA, '-F', formatB, '--', file(a), file(b)];
  const { code } = await qemuImg(args, context, { okCodes: [0, 1] });
  return code === 0;
}

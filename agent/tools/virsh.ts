import { asStorageError, type Reason, StorageError } from '../../runtime/errors.ts';
import type { ImageFormat } from './qemu-img.ts';
import { run, type ToolContext } from './run.ts';

/** A domain of the libvirt behind a URI. */
export interface Domain {
  /** `qemu:///system` */
  readonly uri: string;
  /** Name or UUID: DEPLOY_ID of the VM. */
  readonly name: string;
}

/** One layer of a disk as qemu has it open. */
export interface DomainLayer {
  /** As libvirt was given it, or found it in a header: maybe a link, maybe with `//`. */
  readonly path: string;
  /** Names the layer in block jobs: `vda[3]`. Survives everything but a restart of the guest. */
  readonly index: number;
}

export interface DomainState {
  readonly state: 'running' | 'paused' | 'other';
  /** By target (vda), active layer first. */
  readonly disks: ReadonlyMap<string, readonly DomainLayer[]>;
}

export interface BlockJob {
  /** As libvirt calls it: `Block Copy`, `Block Pull`, `Block Commit`. */
  readonly type: string;
  readonly done: number;
  readonly total: number;
}

/** A question takes no longer, unless the daemon hangs. */
const ANSWER_MS = 30_000;
/** What waits for the guest's writes to reach the disk. Who holds a guest meanwhile has a limit of its own. */
export const FLUSH_MS = 300_000;

/** What libvirt says, and what it means. In this order: the first that fits. */
const ANSWERS: readonly (readonly [RegExp, Reason])[] = [
  [/checkpoint inconsistent|bitmap '.*' not found|broken bitmap|no domain checkpoint/iu, 'broken_chain'],
  [/no domain backup job|no job is active/iu, 'conflict'],
  [/failed to get domain|Domain not found|no domain with matching/iu, 'not_found'],
  [/guest agent is not|agent is not connected|guest-(?:sync|fsfreeze)|QEMU guest agent/iu, 'guest_agent'],
  [/active block job|block copy still active|block job .*(?:active|running)|cannot acquire state change lock/iu, 'busy'],
  [/failed to connect|cannot recv data|end of file while reading|client socket is closed|connection (?:reset|refused)/iu, 'unavailable'],
  [/domain is not running|is not running/iu, 'conflict'],
  [/no space left/iu, 'no_space'],
  [/timed out|timeout/iu, 'timeout'],
];

/** The answer of libvirt as an error: its last line, without `error:`. */
function virshError(name: string, thrown: unknown): StorageError {
  const error = asStorageError(thrown);
  if (error.reason !== 'tool_failed' && error.reason !== 'in_use') return error;
  const said = (error.detail ?? '').split('\n').filter((line) => line.startsWith('error: '));
  const line = (said.at(-1) ?? error.message).replace(/^error: |^virsh: (?:error: )?/u, '');
  const reason = ANSWERS.find(([pattern]) => said.some((one) => pattern.test(one)))?.[1] ?? 'tool_failed';
  return new StorageError(reason, `libvirt, domain ${name}: ${line}`, error.detail === undefined ? {} : { detail: error.detail });
}

/** `files`: open ones, which virsh reads as `/dev/fd/3`, `/dev/fd/4`. Errors: not_found, guest_agent, busy, unavailable, conflict (not running), timeout, tool_failed, missing_program, cancelled. */
export async function virsh(
  { uri, name }: Domain,
  argv: readonly string[],
  context: ToolContext,
  timeoutMs = ANSWER_MS,
  files: readonly number[] = [],
): Promise<string> {
  // An argument that begins with a dash would be an option.
  if (!/^[A-Za-z0-9_][\w.:@+-]*$/u.test(name)) throw new StorageError('bad_argument', `not a name of a domain: '${name.slice(0, 80)}'`);
  try {
    const { stdout } = await run('virsh', ['-c', uri, ...argv], {
      signal: context.signal,
      count: (figures) => context.count?.(figures),
      timeoutMs,
      files,
    });
    return stdout;
  } catch (thrown) {
    throw virshError(name, thrown);
  }
}

/** Is it running, and which files has it open? One call. */
export async function domainState(domain: Domain, context: ToolContext): Promise<DomainState> {
  const text = await virsh(domain, ['domstats', '--state', '--block', '--backing', domain.name], context);
  const values = new Map<string, string>();
  for (const line of text.split('\n')) {
    const at = line.indexOf('=');
    if (at > 0) values.set(line.slice(0, at).trim(), line.slice(at + 1));
  }
  const disks = new Map<string, DomainLayer[]>();
  for (let number = 0; number < Number(values.get('block.count') ?? 0); number += 1) {
    const target = values.get(`block.${number}.name`);
    const path = values.get(`block.${number}.path`);
    // A drive without a medium has no path.
    if (target === undefined || path === undefined) continue;
    const layers = disks.get(target) ?? [];
    layers.push({ path, index: Number(values.get(`block.${number}.backingIndex`) ?? -1) });
    disks.set(target, layers);
  }
  const state = { '1': 'running', '3': 'paused' } as const;
  const word = values.get('state.state') ?? '';
  return { state: word === '1' || word === '3' ? state[word] : 'other', disks };
}

/** Has its hypervisor all of its files open? Not so while it starts: libvirt knows a guest that is to come before qemu runs. */
export async function isLaunched(domain: Domain, context: ToolContext): Promise<boolean> {
  return /^(?:running|paused) \((?!starting up)/u.test(await virsh(domain, ['domstate', '--reason', domain.name], context));
}

/** Has qemu stopped it because a write failed? When it goes on, the write is done again. */
export async function isStoppedByError(domain: Domain, context: ToolContext): Promise<boolean> {
  return /^paused \(I\/O error\)/u.test(await virsh(domain, ['domstate', '--reason', domain.name], context));
}

/** Freezes the file systems by the guest agent, within the time. */
export async function freeze(domain: Domain, timeoutMs: number, context: ToolContext): Promise<void> {
  await virsh(domain, ['domfsfreeze', domain.name], context, timeoutMs);
}

/** Frozen or not: what a guest without an agent answers is guest_agent. */
export async function thaw(domain: Domain, context: ToolContext): Promise<void> {
  await virsh(domain, ['domfsthaw', domain.name], context);
}

export async function suspend(domain: Domain, context: ToolContext): Promise<void> {
  await virsh(domain, ['suspend', domain.name], context);
}

export async function resume(domain: Domain, context: ToolContext): Promise<void> {
  await virsh(domain, ['resume', domain.name], context);
}

/** virsh reads `a,b=c` in a disk specification; a comma in a path is written twice. */
const word = (path: string): string => path.replaceAll(',', ',,');

/** Lets the guest write to `overlay`, which exists, from one moment on; the other targets are left alone. All or nothing. */
export async function switchToOverlay(
  domain: Domain,
  target: string,
  overlay: string,
  others: readonly string[],
  context: ToolContext,
): Promise<void> {
  const how = ['--disk-only', '--atomic', '--no-metadata', '--reuse-external'];
  const specs = others.flatMap((other) => ['--diskspec', `${word(other)},snapshot=no`]);
  const spec = `${word(target)},snapshot=external,file=${word(overlay)},driver=qcow2`;
  await virsh(domain, ['snapshot-create-as', domain.name, ...how, '--diskspec', spec, ...specs], context, FLUSH_MS);
}

/** Begins to mirror a disk, all of its layers, into one new file. */
export async function startCopy(domain: Domain, target: string, file: string, format: ImageFormat, context: ToolContext): Promise<void> {
  await virsh(domain, ['blockcopy', domain.name, target, '--dest', file, '--format', format, '--transient-job'], context);
}

/** Begins to copy into the active layer what lies between it and `base`; undefined: everything below. */
export async function startPull(domain: Domain, target: string, base: number | undefined, context: ToolContext): Promise<void> {
  // Names in headers stay relative, so that the disk may move; and `disk.0`, a link, must never stand in one: it means another layer later.
  const to = base === undefined ? [] : ['--base', `${target}[${base}]`, '--keep-relative'];
  await virsh(domain, ['blockpull', domain.name, target, ...to], context);
}

/** Begins to write what layer `top` holds into layer `base` right below it. */
export async function startCommit(domain: Domain, target: string, top: number, base: number, context: ToolContext): Promise<void> {
  const layers = ['--top', `${target}[${top}]`, '--base', `${target}[${base}]`];
  await virsh(domain, ['blockcommit', domain.name, target, ...layers, '--keep-relative'], context);
}

/** undefined: none. A mirror that has `done` = `total` is ready: everything the guest writes goes to both. */
export async function blockJob(domain: Domain, target: string, context: ToolContext): Promise<BlockJob | undefined> {
  const text = await virsh(domain, ['blockjob', domain.name, target, '--info', '--raw'], context);
  const value = (name: string): string | undefined => new RegExp(`^ *${name}=(.*)$`, 'mu').exec(text)?.[1];
  const type = value('type');
  return type === undefined ? undefined : { type, done: Number(value('cur') ?? 0), total: Number(value('end') ?? 0) };
}

/** Ends a job. Of a mirror that is ready, the copy is whole and of this moment; of any other, what was done stays done. */
export async function endJob(domain: Domain, target: string, context: ToolContext): Promise<void> {
  await virsh(domain, ['blockjob', domain.name, target, '--abort'], context, FLUSH_MS);
}

/** The file that the running copy of a disk writes to; undefined: no copy runs. */
export async function copyTarget(domain: Domain, target: string, context: ToolContext): Promise<string | undefined> {
  const xml = await virsh(domain, ['dumpxml', domain.name], context);
  for (const disk of xml.match(/<disk [\s\S]*?<\/disk>/gu) ?? []) {
    if (!disk.includes(`<target dev='${target}'`)) continue;
    return /<mirror [^>]*file='([^']*)'[^>]* job='copy'/u.exec(disk)?.[1];
  }
  return undefined;
}

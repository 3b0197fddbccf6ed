import { z } from 'zod';
import { StorageError } from '../../runtime/errors.ts';
import type { ToolContext } from './run.ts';
import { type Domain, virsh } from './virsh.ts';

/** A file, or a format on top of one, that qemu has open. */
export interface OpenNode {
  readonly name: string;
  readonly driver: string;
  readonly file: string;
  /** Bitmaps that no image keeps, and nothing uses. */
  readonly looseBitmaps: readonly string[];
}

const answerSchema = z.object({ return: z.unknown().optional(), error: z.object({ desc: z.string() }).optional() });
const nodesSchema = z.array(
  z.object({
    'node-name': z.string(),
    drv: z.string(),
    file: z.string(),
    'dirty-bitmaps': z.array(z.object({ name: z.string().default(''), busy: z.boolean(), persistent: z.boolean() })).default([]),
  }),
);

const describedSchema = z.object({ filename: z.string().optional(), file: z.object({ filename: z.string().optional() }).optional() });

/** A file with options of its own, a backing file for one, is described as `json:{…}`. */
function fileNameOf(text: string): string {
  if (!text.startsWith('json:')) return text;
  const { filename, file } = describedSchema.parse(JSON.parse(text.slice('json:'.length)));
  return file?.filename ?? filename ?? '';
}

/**
 * An order to qemu itself, past libvirt, which marks the domain for it (`custom-monitor`): only for what libvirt has lost sight of. Errors: those
 * of virsh, tool_failed.
 */
async function order(domain: Domain, execute: string, argument: object, context: ToolContext): Promise<unknown> {
  const text = await virsh(domain, ['qemu-monitor-command', domain.name, JSON.stringify({ execute, arguments: argument })], context);
  const { return: value, error } = answerSchema.parse(JSON.parse(text));
  if (error === undefined) return value;
  throw new StorageError('tool_failed', `qemu, domain ${domain.name}, ${execute}: ${error.desc}`);
}

export async function openNodes(domain: Domain, context: ToolContext): Promise<readonly OpenNode[]> {
  const nodes = nodesSchema.parse(await order(domain, 'query-named-block-nodes', { flat: true }, context));
  return nodes.map((node) => ({
    ...{ name: node['node-name'], driver: node.drv, file: fileNameOf(node.file) },
    looseBitmaps: node['dirty-bitmaps'].filter(({ busy, persistent }) => !busy && !persistent).map(({ name }) => name),
  }));
}

export async function removeLooseBitmap(domain: Domain, node: string, name: string, context: ToolContext): Promise<void> {
  await order(domain, 'block-dirty-bitmap-remove', { node, name }, context);
}

/** qemu lets go of the file; refused while anything uses it. */
export async function closeNode(domain: Domain, node: string, context: ToolContext): Promise<void> {
  await order(domain, 'blockdev-del', { 'node-name': node }, context);
}

import { z } from 'zod';

/** One name of a manifest, as both ends work with it. `path` is relative to the directory of the source; a VM directory's own is '.'. */
export const Entry = z.object({
  path: z.string(),
  /** An image is made by the receiver, empty: a running guest writes to it, so the hypervisor brings its content. */
  type: z.enum(['file', 'directory', 'link', 'image']),
  /** Permission bits. */
  mode: z.number().int(),
  sizeBytes: z.number().int().nonnegative(),
  allocatedBytes: z.number().int().nonnegative(),
  /** Of a link: its text. */
  link: z.string(),
  /** Milliseconds since 1970; 0: not known. */
  modified: z.number(),
  /** Of a file: differs when it was changed or replaced. */
  version: z.string(),
  /** Of an image, whose sizeBytes is what a guest sees. `backing`: as it is to stand in the header; empty: none. */
  format: z.enum(['raw', 'qcow2', '']).default(''),
  backing: z.string().default(''),
});

export type Entry = z.infer<typeof Entry>;

/** An entry and, at the source, the file it stands for. */
export interface SourceEntry extends Entry {
  readonly file: string;
}

/** What is opened: the controller's request without the names of the two ends. Stands in journals and, sealed, in capabilities. */
export const SourceInput = z.object({
  place: z.object({ datastoreId: z.number().int().nonnegative(), path: z.string() }),
  snapshotId: z.number().int().nonnegative().optional(),
  /** Empty: any content, never looked into. */
  format: z.enum(['raw', 'qcow2', '']),
  flat: z.boolean(),
  /** Of the directory of a running guest: its domain. */
  domain: z.string().optional(),
});

export type SourceInput = z.infer<typeof SourceInput>;

import type { Model } from '../helpers/disks.ts';
import { BLOCKS } from '../helpers/disks.ts';
import { type Expected, IMAGES, type Place, type PropertySite, SYSTEM } from './site.ts';

/** What a life is made of, and what a step needs to choose from it. */

export const MAX_BLOCKS = 3 * BLOCKS;
/** Enough to interfere with each other; more only cost time. */
export const MAX_DISKS = 3;
export const MAX_IMAGES = 3;

/** One VM, where it is, and the images of the front-end. */
export interface LifeModel {
  readonly vm: string;
  host: number;
  readonly disks: Map<string, Expected>;
  readonly images: Map<string, Expected>;
  made: number;
}

/** Random numbers; a command takes them modulo what there is. */
export interface Choice {
  readonly subject: number;
  readonly snapshot: number;
  readonly at: number;
  readonly length: number;
  readonly value: number;
}

export interface Step {
  /** How often it is chosen. */
  readonly weight: number;
  possible(model: LifeModel, choice: Choice): boolean;
  run(site: PropertySite, model: LifeModel, choice: Choice): Promise<void>;
}

export const diskPlace = (model: LifeModel, name: string): Place => ({ datastoreId: SYSTEM, path: `${model.vm}/${name}` });
export const imagePlace = (name: string): Place => ({ datastoreId: IMAGES, path: name });

export function pick<T>(list: Iterable<T>, index: number): T | undefined {
  const all = [...list];
  return all.length === 0 ? undefined : all[index % all.length];
}

/** A disk, or an image, with a snapshot of it. */
export interface Chosen {
  readonly name: string;
  readonly expected: Expected;
  readonly snapshotId: number | undefined;
}

export function choose(from: Map<string, Expected>, { subject, snapshot }: Choice, withSnapshots = false): Chosen | undefined {
  const found = pick(
    [...from].filter(([, expected]) => !withSnapshots || expected.snapshots.size > 0),
    subject,
  );
  if (found === undefined) return undefined;
  const [name, expected] = found;
  return { name, expected, snapshotId: pick(expected.snapshots.keys(), snapshot) };
}

export function must<T>(value: T | undefined): T {
  if (value === undefined) throw new Error('the command was not possible');
  return value;
}

export function grown(content: Model, blocks: number): Model {
  const result = new Uint8Array(Math.max(content.length, blocks));
  result.set(content);
  return result;
}

export const copyOf = (expected: Expected): Expected => ({ ...expected, snapshots: new Map(expected.snapshots) });
export const flat = (expected: Expected, content: Model): Expected => ({
  format: expected.format,
  content,
  snapshots: new Map(),
  nextId: 0,
});
export const anyDisk = (model: LifeModel): boolean => model.disks.size > 0;
export const diskSnapshot = (model: LifeModel, choice: Choice): boolean => choose(model.disks, choice, true) !== undefined;
export const imageSnapshot = (model: LifeModel, choice: Choice): boolean => choose(model.images, choice, true) !== undefined;

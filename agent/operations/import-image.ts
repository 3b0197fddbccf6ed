import { mkdir, stat } from 'node:fs/promises';
import path from 'node:path';
import { z } from 'zod';
import { asStorageError, StorageError } from '../../runtime/errors.ts';
import { failpoint } from '../../runtime/failpoint.ts';
import type { OperationContext, OperationKind, UndoContext } from '../../runtime/operations/types.ts';
import { takeTpm } from '../backends/backup/tpm.ts';
import { exists } from '../backends/file/look.ts';
import { type Located, locate, PlaceInput } from '../backends/file/places.ts';
import { discard, flush, publish, stagePath } from '../backends/file/stage.ts';
import type { AgentContext, OperationResult } from '../context.ts';
import { checkHeader } from '../images/gate.ts';
import { ChecksumInput } from '../origin/checksums.ts';
import { withLabel } from '../origin/content.ts';
import { type Fetched, type FetchTries, fetchImage } from '../origin/fetch.ts';
import { OriginInput, rulesOf } from '../origin/origin.ts';
import { secretsOf } from '../origin/secrets.ts';
import { compare, convert } from '../tools/qemu-img.ts';
import { fetchBackup } from './fetch-backup.ts';
import { locateForUndo, placeResources } from './volume-input.ts';

export const ImportImageInput = z.object({
  origin: OriginInput,
  target: PlaceInput,
  checksums: z.array(ChecksumInput),
  /** undefined: as it comes. */
  convertTo: z.enum(['raw', 'qcow2']).optional(),
  opaque: z.boolean(),
  preallocate: z.boolean(),
  /** Absolute; empty: beside the target. */
  stagingDir: z.string(),
});

export type ImportImageInput = z.infer<typeof ImportImageInput>;

type Format = 'raw' | 'qcow2';

const SECTOR = 512;

interface Image {
  readonly format: Format;
  readonly sizeBytes: number;
}

/** Images.Import (contract 2.1 `cp`, 5). Result: format and virtual size. Nothing has the target's name before all of it is there and checked. */
export function importImage(agent: AgentContext, tries: FetchTries = {}): OperationKind<ImportImageInput, OperationResult> {
  return {
    name: 'image.import',
    input: ImportImageInput,
    resources: ({ target }) => placeResources(agent.datastores, target),
    run: (input, context) => run(agent, input, tries, context),
    undo: (input, context) => undo(agent, input, context),
  };
}

interface Names {
  readonly stage: string;
  readonly unconverted: string;
  readonly increment: string;
}

/** The temporary names, the same on every attempt. */
function namesOf(target: Located, input: ImportImageInput, operationId: string): Names {
  const directory = input.stagingDir === '' ? target.directory : input.stagingDir;
  return {
    stage: stagePath(target.path, operationId),
    unconverted: stagePath(path.join(directory, `${target.name}.unconverted`), operationId),
    increment: stagePath(path.join(directory, `${target.name}.increment`), operationId),
  };
}

async function run(agent: AgentContext, input: ImportImageInput, tries: FetchTries, context: OperationContext): Promise<Image> {
  const { operationId } = context;
  const secrets = secretsOf(agent);
  try {
    const target = await locate(agent.datastores, input.target);
    const names = namesOf(target, input, operationId);
    await context.step('prepare', () => prepare(target, input));
    const { backup } = input.origin;
    const fetched =
      backup === undefined
        ? await context.step('fetch', () => {
            const place = (format: Format) =>
              isFinal(format, input) ? { path: names.stage, mode: 0o644 } : { path: names.unconverted, mode: 0o600 };
            return fetchImage({ ...input, secret: secrets.get(operationId), rules: rulesOf(agent, input.origin), place, tries }, context);
          })
        : await fetchBackup(
            agent,
            { ...backup, label: input.origin.path },
            target,
            { image: (format) => (isFinalBackup(format, input) ? names.stage : names.unconverted), increment: names.increment },
            context,
          );
    const image = await context.step('finish', () => finish(fetched, names, input, context));
    // Not within the step: a restart in the middle of that needs them again. An earlier attempt may have left some, too.
    await discard(names.unconverted);
    await discard(names.increment);
    context.commit();
    await context.step('publish', () => publishOnce(names.stage, target.path));
    return image;
  } finally {
    secrets.drop(operationId);
  }
}

function isFinal(format: Format, input: ImportImageInput): boolean {
  return input.opaque || input.convertTo === undefined || input.convertTo === format;
}

/** A backup has holes. What is raw and must have none is converted into what is raw and has none. */
function isFinalBackup(format: Format, input: ImportImageInput): boolean {
  if (isTpm(input)) return false;
  return isFinal(format, input) && (input.opaque || format === 'qcow2' || !input.preallocate);
}

/** The state of a TPM, for a restore in place; in the backup it is packed. */
function isTpm({ opaque, origin }: ImportImageInput): boolean {
  return opaque && origin.backup?.diskId === 'tpm';
}

async function prepare(target: Located, input: ImportImageInput): Promise<void> {
  if (await exists(target.path)) throw new StorageError('already_exists', `${target.path} exists already; nothing is imported over it`);
  if (input.stagingDir !== '') {
    const found = path.isAbsolute(input.stagingDir) ? await stat(input.stagingDir).catch(() => undefined) : undefined;
    if (found?.isDirectory() !== true)
      throw new StorageError('not_found', `STAGING_DIR "${input.stagingDir}" is not a directory of this host`);
  }
  try {
    await mkdir(target.directory, { recursive: true });
  } catch (thrown) {
    throw asStorageError(thrown, 'make the directory of the image');
  }
}

/** Judges the whole file and converts it when the datastore has another format. Leaves the stage alone with its final content. */
async function finish(fetched: Fetched, names: Names, input: ImportImageInput, context: OperationContext): Promise<Image> {
  const { format } = fetched;
  if (fetched.path === names.stage) return judge(names.stage, fetched.label, input, format);
  if (isTpm(input)) {
    await takeTpm(names.unconverted, names.stage, context);
    return judge(names.stage, fetched.label, input);
  }
  const source = await judge(names.unconverted, fetched.label, input, format);
  const to = input.convertTo ?? source.format;
  await discard(names.stage);
  const totalBytes = source.sizeBytes;
  const onProgress = (done: number): void =>
    context.report({ step: `convert to ${to}`, doneBytes: Math.round(done * totalBytes), totalBytes });
  onProgress(0);
  await convert(names.unconverted, source.format, names.stage, to, { preallocate: input.preallocate, onProgress }, context);
  await flush(names.stage);
  if (!(await compare(names.unconverted, source.format, names.stage, to, context))) {
    throw new StorageError('storage_failed', `${fetched.label}: the image differs after its conversion to ${to}`);
  }
  context.count({ verifiedBytes: totalBytes });
  const image = await judge(names.stage, fetched.label, input);
  // qemu works in sectors: a raw file with an odd end is filled up with zeros.
  if (image.sizeBytes === Math.ceil(source.sizeBytes / SECTOR) * SECTOR) return image;
  throw new StorageError('storage_failed', `${fetched.label}: the image has another size after its conversion to ${to}`);
}

/** `declared`: it is known to be raw, and must not look like anything else. */
async function judge(file: string, label: string, input: ImportImageInput, declared?: 'raw'): Promise<Image> {
  if (input.opaque) return { format: 'raw', sizeBytes: (await stat(file)).size };
  try {
    const { format, virtualSize } = await checkHeader(file, declared, { backing: 'none', import: true });
    return { format, sizeBytes: virtualSize };
  } catch (thrown) {
    const error = asStorageError(thrown);
    if (error.reason !== 'bad_image') throw error;
    // The temporary name means nothing to a person.
    throw withLabel(new StorageError('bad_image', error.message.replace(`${path.basename(file)}: `, '')), label);
  }
}

/** Also right when an earlier attempt came to the rename and no further. */
async function publishOnce(stage: string, target: string): Promise<void> {
  if (!(await exists(stage)) && (await exists(target))) return;
  try {
    await publish(stage, target);
    await failpoint('image.import.publish.renamed');
  } catch (thrown) {
    // Past commit nobody else tidies up.
    await discard(stage);
    throw thrown;
  }
}

async function undo(agent: AgentContext, input: ImportImageInput, context: UndoContext): Promise<void> {
  secretsOf(agent).drop(context.operationId);
  const target = await locateForUndo(agent.datastores, input.target);
  if (target === undefined) return;
  const names = namesOf(target, input, context.operationId);
  await discard(names.stage);
  await discard(names.unconverted);
  await discard(names.increment);
}

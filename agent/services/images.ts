import type { Checksum__Output } from '../../proto/gen/onestorage/v1/Checksum.ts';
import type { CopyImageRequest__Output } from '../../proto/gen/onestorage/v1/CopyImageRequest.ts';
import type { CreateImageRequest__Output } from '../../proto/gen/onestorage/v1/CreateImageRequest.ts';
import type { DescribeImageRequest__Output } from '../../proto/gen/onestorage/v1/DescribeImageRequest.ts';
import type { ImportImageRequest__Output } from '../../proto/gen/onestorage/v1/ImportImageRequest.ts';
import type { OperationEvent } from '../../proto/gen/onestorage/v1/OperationEvent.ts';
import type { RemoveImageRequest__Output } from '../../proto/gen/onestorage/v1/RemoveImageRequest.ts';
import type { StatOriginRequest__Output } from '../../proto/gen/onestorage/v1/StatOriginRequest.ts';
import type { StatOriginResponse } from '../../proto/gen/onestorage/v1/StatOriginResponse.ts';
import { StorageError } from '../../runtime/errors.ts';
import type { AgentContext } from '../context.ts';
import { readBackupOrigin } from '../operations/backup-request.ts';
import { copyImage } from '../operations/copy-image.ts';
import { createImage } from '../operations/create-image.ts';
import { describeImage } from '../operations/describe-image.ts';
import { importImage } from '../operations/import-image.ts';
import { statBackupDisk } from '../operations/look-at-backups.ts';
import { removeImage } from '../operations/remove-image.ts';
import { parseChecksum } from '../origin/checksums.ts';
import { readOrigin, rulesOf } from '../origin/origin.ts';
import { secretsOf } from '../origin/secrets.ts';
import { statOrigin } from '../origin/stat.ts';
import { fileSystemOrNothing, needFormat, needPlace, needSize } from './request.ts';
import { serveOperation } from './stream.ts';

interface Call {
  readonly signal: AbortSignal;
}
type Send = (event: OperationEvent) => Promise<void>;

const MAX_CHECKSUMS = 16;

/** Images of the datastores on this host. */
export function imagesService(agent: AgentContext) {
  const kinds = {
    import: importImage(agent),
    create: createImage(agent),
    copy: copyImage(agent),
    remove: removeImage(agent),
    describe: describeImage(agent),
  };
  return {
    StatOrigin: async (request: StatOriginRequest__Output, call: Call): Promise<StatOriginResponse> => {
      const backup = readBackupOrigin(request.origin?.backup ?? null);
      if (backup !== undefined) {
        const { repository, ...what } = backup.input;
        return { sizeBytes: await statBackupDisk(agent, { repository, secret: backup.secret }, what, call.signal) };
      }
      const { origin, secret } = readOrigin(request.origin);
      const options = { signal: call.signal, opaque: request.opaque };
      return { sizeBytes: await statOrigin(origin, secret, rulesOf(agent, origin), options) };
    },
    Import: async (request: ImportImageRequest__Output, call: Call, send: Send): Promise<void> => {
      const { origin, secret } = readOrigin(request.origin, readBackupOrigin(request.origin?.backup ?? null));
      const convertTo = formatOrNothing(request.convertTo);
      const input = {
        origin,
        target: needPlace(request.target, 'target'),
        checksums: readChecksums(request.checksums),
        opaque: request.opaque,
        preallocate: request.preallocate,
        stagingDir: request.stagingDir,
        ...(convertTo === undefined ? {} : { convertTo }),
      };
      const operationId = request.operation?.operationId ?? '';
      const secrets = secretsOf(agent);
      if (secret !== undefined) secrets.put(operationId, secret);
      await serveOperation(agent, kinds.import, request.operation, input, call, send);
      // A client that went away left the line above by an error: the operation goes on, and drops the secret itself.
      secrets.drop(operationId);
    },
    Create: async (request: CreateImageRequest__Output, call: Call, send: Send): Promise<void> => {
      const fileSystem = fileSystemOrNothing(request.fileSystem);
      const input = {
        target: needPlace(request.target, 'target'),
        sizeBytes: needSize(request.sizeBytes),
        format: needFormat(request.format),
        preallocate: request.preallocate,
        ...(fileSystem === undefined ? {} : { fileSystem }),
      };
      await serveOperation(agent, kinds.create, request.operation, input, call, send);
    },
    Copy: async (request: CopyImageRequest__Output, call: Call, send: Send): Promise<void> => {
      const convertTo = formatOrNothing(request.convertTo);
      const sourceFormat = formatOrNothing(request.sourceFormat);
      const input = {
        source: needPlace(request.source, 'source'),
        target: needPlace(request.target, 'target'),
        preallocate: request.preallocate,
        ...(convertTo === undefined ? {} : { convertTo }),
        ...(sourceFormat === undefined ? {} : { sourceFormat }),
      };
      await serveOperation(agent, kinds.copy, request.operation, input, call, send);
    },
    Remove: async (request: RemoveImageRequest__Output, call: Call, send: Send): Promise<void> => {
      const input = { target: needPlace(request.target, 'target') };
      await serveOperation(agent, kinds.remove, request.operation, input, call, send);
    },
    Describe: async (request: DescribeImageRequest__Output, call: Call, send: Send): Promise<void> => {
      const format = formatOrNothing(request.format);
      const input = { target: needPlace(request.target, 'target'), ...(format === undefined ? {} : { format }) };
      await serveOperation(agent, kinds.describe, request.operation, input, call, send);
    },
  };
}

function formatOrNothing(word: string): 'raw' | 'qcow2' | undefined {
  return word === '' ? undefined : needFormat(word);
}

function readChecksums(checksums: readonly Checksum__Output[]): ReturnType<typeof parseChecksum>[] {
  if (checksums.length > MAX_CHECKSUMS)
    throw new StorageError('bad_argument', `${checksums.length} checksums; ${MAX_CHECKSUMS} are the limit`);
  return checksums.map(({ algorithm, hex }) => parseChecksum(algorithm, hex));
}

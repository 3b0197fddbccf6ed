import type { ContextFile__Output } from '../../proto/gen/onestorage/v1/ContextFile.ts';
import type { CreateContextRequest__Output } from '../../proto/gen/onestorage/v1/CreateContextRequest.ts';
import type { CreateDiskRequest__Output } from '../../proto/gen/onestorage/v1/CreateDiskRequest.ts';
import type { OperationEvent } from '../../proto/gen/onestorage/v1/OperationEvent.ts';
import type { RemoveDiskRequest__Output } from '../../proto/gen/onestorage/v1/RemoveDiskRequest.ts';
import type { ResizeDiskRequest__Output } from '../../proto/gen/onestorage/v1/ResizeDiskRequest.ts';
import { StorageError } from '../../runtime/errors.ts';
import type { AgentContext } from '../context.ts';
import { type CreateContextInput, contextFiles, createContext } from '../operations/create-context.ts';
import { createDisk } from '../operations/create-disk.ts';
import { removeDisk } from '../operations/remove-disk.ts';
import { resizeDisk } from '../operations/resize-disk.ts';
import { fileSystemOrNothing, monitorOrNothing, needFormat, needPlace, needSize } from './request.ts';
import { serveOperation } from './stream.ts';

interface Call {
  readonly signal: AbortSignal;
}
type Send = (event: OperationEvent) => Promise<void>;

/** Disks and directories of virtual machines on this host. */
export function disksService(agent: AgentContext) {
  const kinds = { create: createDisk(agent), resize: resizeDisk(agent), remove: removeDisk(agent), context: createContext(agent) };
  return {
    Create: async (request: CreateDiskRequest__Output, call: Call, send: Send): Promise<void> => {
      const fileSystem = fileSystemOrNothing(request.fileSystem);
      const monitor = monitorOrNothing(request.monitor);
      const input = {
        target: needPlace(request.target, 'target'),
        sizeBytes: needSize(request.sizeBytes),
        format: needFormat(request.format),
        preallocate: request.preallocate,
        ...(fileSystem === undefined ? {} : { fileSystem }),
        ...(monitor === undefined ? {} : { monitor }),
      };
      await serveOperation(agent, kinds.create, request.operation, input, call, send);
    },
    Resize: async (request: ResizeDiskRequest__Output, call: Call, send: Send): Promise<void> => {
      const input = {
        target: needPlace(request.target, 'target'),
        sizeBytes: needSize(request.sizeBytes),
        format: needFormat(request.format),
        preallocate: request.preallocate,
      };
      await serveOperation(agent, kinds.resize, request.operation, input, call, send);
    },
    Remove: async (request: RemoveDiskRequest__Output, call: Call, send: Send): Promise<void> => {
      const input = { target: needPlace(request.target, 'target') };
      await serveOperation(agent, kinds.remove, request.operation, input, call, send);
    },
    CreateContext: async (request: CreateContextRequest__Output, call: Call, send: Send): Promise<void> => {
      const { files } = request;
      if (files.length > MAX_FILES)
        throw new StorageError('bad_argument', `${files.length} files in the context; ${MAX_FILES} are the limit`);
      const input = {
        target: needPlace(request.target, 'target'),
        files: contextFiles(files.map((file) => ({ origin: toOrigin(file), name: file.target }))),
      };
      await serveOperation(agent, kinds.context, request.operation, input, call, send);
    },
  };
}

const MAX_FILES = 1000;

function toOrigin(file: ContextFile__Output): CreateContextInput['files'][number]['origin'] {
  if (file.vmFile !== undefined && file.vmFile !== '') return { from: 'vm', path: file.vmFile };
  if (file.url !== undefined && file.url !== '') return { from: 'url', url: file.url };
  if (file.place !== undefined && file.place !== null) return { from: 'place', place: needPlace(file.place, 'place of a context file') };
  throw new StorageError('bad_argument', 'a file of the context has no origin');
}

import type { FetchEvent } from '../../proto/gen/onestorage/v1/FetchEvent.ts';
import type { FetchRequest__Output } from '../../proto/gen/onestorage/v1/FetchRequest.ts';
import type { OpenExportRequest__Output } from '../../proto/gen/onestorage/v1/OpenExportRequest.ts';
import type { OperationEvent } from '../../proto/gen/onestorage/v1/OperationEvent.ts';
import type { ReceiveDirectory__Output } from '../../proto/gen/onestorage/v1/ReceiveDirectory.ts';
import type { ReceiveRequest__Output } from '../../proto/gen/onestorage/v1/ReceiveRequest.ts';
import type { Ticket } from '../../proto/gen/onestorage/v1/Ticket.ts';
import { oneLine, StorageError } from '../../runtime/errors.ts';
import type { AgentContext } from '../context.ts';
import { type ReceiveInput, type ReceiveOptions, receive } from '../operations/receive.ts';
import { type ReceiveGuestInput, receiveGuest } from '../operations/receive-guest.ts';
import { capabilityKey, seal } from '../transfer/capability.ts';
import type { SourceInput } from '../transfer/entries.ts';
import { findSource } from '../transfer/manifest.ts';
import { Ports } from '../transfer/ports.ts';
import { serveFetch } from '../transfer/source.ts';
import { needDomain, needPlace } from './request.ts';
import { serveOperation } from './stream.ts';

interface Call {
  readonly peer: { readonly machineId: string | undefined };
  readonly signal: AbortSignal;
}

export interface TransferOptions extends ReceiveOptions {
  /** How long a ticket may be used. */
  readonly ticketMs?: number;
}

const TICKET_MS = 24 * 60 * 60 * 1000;

/** Bulk data between agents: the controller opens and receives, the receiving agent fetches. */
export function transfersService(agent: AgentContext, { ticketMs = TICKET_MS, ...receiving }: TransferOptions = {}) {
  const kind = receive(agent, receiving);
  const guestKind = receiveGuest(agent, receiving);
  const ports = new Ports(agent.dataPorts);
  return {
    Open: async (request: OpenExportRequest__Output): Promise<Ticket> => {
      const source = toSource(request);
      if (request.operationId === '' || request.receiverMachineId === '') {
        throw new StorageError('bad_argument', 'operation_id and receiver_machine_id must be set');
      }
      const { located, stat } = await findSource(agent, source);
      if (stat.isDirectory() && (source.flat || source.snapshotId !== undefined)) {
        throw new StorageError('bad_argument', `'${located.path}' is a directory; only a disk has snapshots`);
      }
      const expires = Date.now() + ticketMs;
      const grant = { operationId: request.operationId, source, receiver: request.receiverMachineId, expires };
      return {
        capability: seal(await capabilityKey(agent.stateDirectory), grant),
        address: agent.address,
        hostName: agent.hostName,
        machineId: agent.machineId,
        expiresUnixMs: expires,
      };
    },
    Receive: async (request: ReceiveRequest__Output, call: Call, send: (event: OperationEvent) => Promise<void>): Promise<void> => {
      if (request.guest) return await serveOperation(agent, guestKind, request.operation, toGuestInput(request, request.guest), call, send);
      await serveOperation(agent, kind, request.operation, toReceiveInput(request), call, send);
    },
    Fetch: async (requests: AsyncIterable<FetchRequest__Output>, call: Call, send: (event: FetchEvent) => Promise<void>): Promise<void> => {
      await serveFetch(agent, ports, requests, call, send);
    },
  };
}

function toSource(request: OpenExportRequest__Output): SourceInput {
  return {
    place: needPlace(request.source, 'source'),
    format: toFormat(request.format),
    flat: request.flat,
    ...(request.domain === '' ? {} : { domain: needDomain(request.domain) }),
    ...(request._snapshotId === 'snapshotId' && request.snapshotId !== undefined ? { snapshotId: request.snapshotId } : {}),
  };
}

function toFormat(format: string): 'raw' | 'qcow2' | '' {
  if (format === 'raw' || format === 'qcow2' || format === '') return format;
  throw new StorageError('bad_argument', `'${oneLine(format).slice(0, 40)}' is not a format; use raw or qcow2`);
}

function toReceiveInput(request: ReceiveRequest__Output): ReceiveInput {
  return { ...toOrigin(request), target: toTarget(request) };
}

function toGuestInput(request: ReceiveRequest__Output, guest: ReceiveDirectory__Output): ReceiveGuestInput {
  return { ...toOrigin(request), target: { place: needPlace(guest.place, 'target'), monitor: guest.monitor } };
}

function toOrigin({ ticket, source, bytesPerSecond }: ReceiveRequest__Output): Pick<ReceiveInput, 'ticket' | 'source' | 'bytesPerSecond'> {
  if (!ticket || !source) throw new StorageError('bad_argument', 'ticket and source must be set');
  const { capability, address, hostName, machineId } = ticket;
  return { ticket: { capability, address, hostName, machineId }, source: toSource(source), bytesPerSecond };
}

function toTarget({ disk, image, directory }: ReceiveRequest__Output): ReceiveInput['target'] {
  if (disk) {
    const { sizeBytes, preallocate, monitor } = disk;
    return { type: 'disk', place: needPlace(disk.place, 'target'), format: toFormat(disk.format), sizeBytes, preallocate, monitor };
  }
  if (image) {
    const { withSnapshots, preallocate } = image;
    return { type: 'image', place: needPlace(image.place, 'target'), format: toFormat(image.format), withSnapshots, preallocate };
  }
  if (directory) return { type: 'directory', place: needPlace(directory.place, 'target'), monitor: directory.monitor };
  throw new StorageError('bad_argument', 'the target must be a disk, an image or a directory');
}

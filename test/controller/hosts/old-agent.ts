import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { Server, ServerCredentials, type ServiceDefinition, type UntypedServiceImplementation } from '@grpc/grpc-js';
import { loadFileDescriptorSetFromBuffer, type PackageDefinition } from '@grpc/proto-loader';
import { FileDescriptorSet, type IFileDescriptorSet } from 'protobufjs/ext/descriptor/index.js';
import type { Host } from '../../../controller/hosts/directory.ts';
import { wireOf } from '../../../runtime/wire.ts';
import { testIdentity } from '../../helpers/pki.ts';

const RELEASED = join(import.meta.dirname, '../../../proto/released/0.1.0.binpb');

/** The wire of a release, without some of its methods (`Disks/Remove`) and fields (`ReceiveDisk.preallocate`): as of the release before. */
export function olderWire(without: readonly string[] = []): PackageDefinition {
  const set = FileDescriptorSet.toObject(FileDescriptorSet.decode(readFileSync(RELEASED))) as IFileDescriptorSet;
  const left = new Set(without);
  const keep = (owner: string | null | undefined, separator: string) => (one: { name?: string | null }) =>
    !left.delete(`${owner}${separator}${one.name}`);
  for (const file of set.file ?? []) {
    for (const message of file.messageType ?? []) message.field = (message.field ?? []).filter(keep(message.name, '.'));
    for (const service of file.service ?? []) service.method = (service.method ?? []).filter(keep(service.name, '/'));
  }
  if (left.size > 0) throw new Error(`no such words in ${RELEASED}: ${[...left].join(' ')}`);
  const bytes = FileDescriptorSet.encode(FileDescriptorSet.fromObject(set)).finish();
  return loadFileDescriptorSetFromBuffer(Buffer.from(bytes), { longs: Number, enums: String, defaults: true, oneofs: true });
}

export interface OldAgent {
  readonly host: Host;
  /** Everything that was called, but for Describe. */
  readonly calls: string[];
  readonly stop: () => void;
}

/** A server that is made of the descriptors alone: it answers what they have, as a program of that version would. */
export async function startOldAgent(hostName: string, version: string, definition: PackageDefinition, port = 0): Promise<OldAgent> {
  const calls: string[] = [];
  const machineId = `machine-of-${hostName}`;
  // Descriptors have the names of the files.
  const identity = { host_name: hostName, machine_id: machineId };
  const server = new Server();
  for (const [path, service] of Object.entries(definition)) {
    if (!path.startsWith('onestorage.v1.') || 'format' in service) continue;
    const name = path.slice('onestorage.v1.'.length);
    const methods = Object.entries(service as ServiceDefinition).map(([method, { responseStream }]) => [
      method,
      (call: { end: () => void; write: (message: object) => void }, answer: (error: null, value: object) => void): void => {
        if (`${name}/${method}` !== 'Hosts/Describe') calls.push(`${name}/${method}`);
        if (responseStream) {
          call.write({ outcome: { result: {}, figures: {} } });
          call.end();
        } else answer(null, { ...identity, ...(name === 'Hosts' ? { version, wire: [...wireOf(definition)] } : {}) });
      },
    ]);
    server.addService(service as ServiceDefinition, Object.fromEntries(methods) as UntypedServiceImplementation);
  }
  const { authority, certificate, key } = await testIdentity('agent', { hostName, machineId });
  const pair = { cert_chain: Buffer.from(certificate), private_key: Buffer.from(key) };
  const credentials = ServerCredentials.createSsl(Buffer.from(authority), [pair], true);
  const bound = await new Promise<number>((resolve, reject) => {
    server.bindAsync(`127.0.0.1:${port}`, credentials, (error, found) => (error === null ? resolve(found) : reject(error)));
  });
  return { host: { name: hostName, address: `127.0.0.1:${bound}`, expect: { hostName } }, calls, stop: () => server.forceShutdown() };
}

// Made by the bundler (bundle.ts): text of every .proto file by its path.
import { PROTO_FILES } from 'onestorage:proto-files';
import { fromJSON, type Options, type PackageDefinition } from '@grpc/proto-loader';
import Long from 'long';
import protobuf from 'protobufjs';

// protobufjs looks for it with a require that the program has not.
protobuf.util.Long = Long;
protobuf.configure();

function text(name: string): string {
  const found = Object.entries(PROTO_FILES).find(([path]) => name.endsWith(path));
  if (found === undefined) throw new Error(`${name} is not in the program`);
  return found[1];
}

/** As loadSync of proto-loader, from the files inside the program: in one file there are no others to read. */
export function loadSync(names: string | string[], options: Options = {}): PackageDefinition {
  const root = new protobuf.Root();
  for (const name of [names].flat()) protobuf.parse(text(name), root, { keepCase: options.keepCase ?? false });
  return fromJSON(root.toJSON(), options);
}

// Made by the bundler (bundle.ts): text of every .proto file by its path.
import { PROTO_FILES } from 'onestorage:proto-files';
import { fromJSON, type Options, type PackageDefinition } from '@grpc/proto-loader';
import Long from 'long';
import protobuf from 'protobufjs';

// protobufjs looks for it with a require that the program has not.
protobuf.util.Long = Long;
protobuf.configure();

/** A library names its files from a directory `proto`, as we do: `health/v1/health.proto`, `/proto/grpc/reflection/v1/reflection.proto`. */
function text(name: string): string {
  const end = `/proto/${name.replace(/^\/proto\//u, '')}`;
  const found = Object.entries(PROTO_FILES).find(([path]) => `/${path}`.endsWith(end));
  if (found === undefined) throw new Error(`${name} is not in the program`);
  return found[1];
}

/** As loadSync of proto-loader, from the files inside the program: in one file there are no others to read. */
export function loadSync(names: string | string[], options: Options = {}): PackageDefinition {
  const root = new protobuf.Root();
  for (const name of [names].flat()) protobuf.parse(text(name), root, { keepCase: options.keepCase ?? false });
  return fromJSON(root.toJSON(), options);
}

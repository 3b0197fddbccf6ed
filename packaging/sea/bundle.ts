import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { build, type Metafile, type Plugin } from 'esbuild';

import { ROOT } from '../places.ts';

/** Folders whose .proto files the program reads while it runs: ours, and those of two libraries. */
const PROTO_FOLDERS = ['proto', 'node_modules/@grpc/reflection/build/proto/grpc', 'node_modules/grpc-health-check/proto'] as const;

export interface Bundle {
  /** One ESM module, without any import that is not Node's own. */
  readonly text: string;
  /** Which files are in it: from them come licences and the bill of materials. */
  readonly metafile: Metafile;
}

/** Makes one module of packaging/main.ts and everything it imports. The same sources give the same text. */
export async function bundle(): Promise<Bundle> {
  const { outputFiles, metafile } = await build({
    absWorkingDir: ROOT,
    entryPoints: ['packaging/main.ts'],
    bundle: true,
    platform: 'node',
    target: 'node26',
    format: 'esm',
    outfile: 'onestorage.mjs',
    write: false,
    metafile: true,
    legalComments: 'none',
    logLevel: 'warning',
    loader: { '.proto': 'text', '.sh': 'text' },
    // CommonJS libraries require Node's modules.
    banner: { js: "import { createRequire } from 'node:module';\nconst require = createRequire(process.execPath);" },
    // Where two libraries and runtime/proto.ts look for their .proto files; the replacement below knows them by the end of their path. Inside a single
    // program Node 26 may have collected the module when its `import.meta` is asked for late: it was empty then in 35 of 60 starts of `onestorage doctor`.
    define: { __dirname: '"/"', 'import.meta.dirname': '"/runtime"' },
    plugins: [embedProtoFiles],
  });
  const [file] = outputFiles;
  if (file === undefined) throw new Error('esbuild made no file');
  return { text: file.text, metafile };
}

/** Puts proto-loader.ts in the place of the library, which reads files. */
const embedProtoFiles: Plugin = {
  name: 'embed-proto-files',
  setup: ({ onResolve, onLoad }) => {
    const replacement = join(import.meta.dirname, 'proto-loader.ts');
    onResolve({ filter: /^@grpc\/proto-loader$/ }, ({ importer }) => (importer === replacement ? undefined : { path: replacement }));
    onResolve({ filter: /^onestorage:proto-files$/ }, ({ path }) => ({ path, namespace: 'generated' }));
    onLoad({ filter: /./, namespace: 'generated' }, () => ({ contents: protoModule(), resolveDir: ROOT }));
  },
};

function protoModule(): string {
  const files = PROTO_FOLDERS.flatMap((folder) =>
    readdirSync(join(ROOT, folder), { recursive: true, encoding: 'utf8' })
      .filter((name) => name.endsWith('.proto'))
      .sort()
      .map((name) => join(folder, name)),
  );
  const imports = files.map((file, index) => `import p${index} from ${JSON.stringify(`./${file}`)};`);
  const entries = files.map((file, index) => `  ${JSON.stringify(file)}: p${index},`);
  return `${imports.join('\n')}\nexport const PROTO_FILES = {\n${entries.join('\n')}\n};\n`;
}

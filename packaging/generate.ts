import { spawnSync } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { mkdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join, relative, resolve } from 'node:path';

const root = join(import.meta.dirname, '..');

/** Text of generated files by their path in the repository. */
type Files = ReadonlyMap<string, string>;

/** Folders that hold nothing but generated files: what is there and not generated any more is stale. */
const GENERATED_FOLDERS = ['proto/gen'] as const;

/** Message and service types of proto/onestorage/v1, as runtime/proto.ts loads them. */
export function generateTypes(): Files {
  const protoDirectory = join(root, 'proto');
  const sources = readdirSync(join(protoDirectory, 'onestorage/v1'))
    .filter((name) => name.endsWith('.proto'))
    .sort()
    .map((name) => `onestorage/v1/${name}`);
  const out = mkdtempSync(join(tmpdir(), 'onestorage-generate-'));
  try {
    const { status, stderr, error } = spawnSync(
      process.execPath,
      [
        join(root, 'node_modules/@grpc/proto-loader/build/bin/proto-loader-gen-types.js'),
        '--longs=Number',
        '--enums=String',
        '--defaults',
        '--oneofs',
        '--grpcLib=@grpc/grpc-js',
        '--targetFileExtension=.ts',
        '--importFileExtension=.ts',
        '--includeComments',
        '--inputTemplate=%s',
        '--outputTemplate=%s__Output',
        '-O',
        out,
        '-I',
        '.',
        '--',
        ...sources,
      ],
      { cwd: protoDirectory, encoding: 'utf8' },
    );
    if (status !== 0) throw new Error(`proto-loader-gen-types failed: ${error?.message ?? stderr}`);
    return new Map(filesBelow(out).map((file) => [join('proto/gen', relative(out, file)), readFileSync(file, 'utf8')]));
  } finally {
    rmSync(out, { recursive: true, force: true });
  }
}

/** Everything that is generated and committed. */
export async function generateAll(): Promise<Files> {
  const { renderActions } = await import('../shims/document.ts');
  const { carriesOut, DRIVERS } = await import('../controller/drivers.ts');
  const { FLOWS } = await import('../controller/flows/flows.ts');
  const drivers: Readonly<Record<string, Parameters<typeof carriesOut>[0]>> = DRIVERS;
  const { renderDashboard } = await import('./monitoring/dashboard.ts');
  const { HOST_ACTIONS } = await import('../agent/socket/host-actions.ts');
  const exists = (action: keyof typeof FLOWS): boolean => FLOWS[action] !== undefined || HOST_ACTIONS.has(action);
  const actions = renderActions((kind, driver, action) => {
    const row = drivers[`${kind}/${driver}`];
    return row !== undefined && carriesOut(row, action) && exists(action);
  });
  const { renderErrors } = await import('./errors-page.ts');
  const dashboard = renderDashboard();
  const { CONFIGURATIONS, packagedConfig } = await import('./config/files.ts');
  const configurations = (Object.keys(CONFIGURATIONS) as (keyof typeof CONFIGURATIONS)[]).map(
    (daemon) => [`packaging/config/${daemon}.yaml`, packagedConfig(daemon)] as const,
  );
  return new Map([
    ...generateTypes(),
    ['shims/ACTIONS.md', actions],
    ['runtime/ERRORS.md', renderErrors()],
    ['packaging/monitoring/dashboard.json', dashboard],
    ...configurations,
  ]);
}

/** Paths below `directory` whose text is not what was generated: changed, missing, or left over. */
export function differences(files: Files, directory: string): string[] {
  const changed = [...files].filter(([path, text]) => readOptional(join(directory, path)) !== text).map(([path]) => path);
  const stale = GENERATED_FOLDERS.flatMap((folder) => filesBelow(join(directory, folder)))
    .map((file) => relative(directory, file))
    .filter((path) => !files.has(path));
  return [...changed, ...stale].sort();
}

async function write(files: Files, directory: string): Promise<string[]> {
  const paths = differences(files, directory);
  for (const path of paths) {
    const file = join(directory, path);
    const text = files.get(path);
    if (text === undefined) {
      await rm(file);
      continue;
    }
    await mkdir(dirname(file), { recursive: true });
    await writeFile(file, text);
  }
  return paths;
}

function filesBelow(directory: string): string[] {
  return readdirSync(directory, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name));
}

function readOptional(file: string): string | undefined {
  try {
    return readFileSync(file, 'utf8');
  } catch {
    return undefined;
  }
}

async function main(words: readonly string[]): Promise<number> {
  if (words.length > 1 || (words.length === 1 && words[0] !== '--check')) {
    process.stderr.write('usage: node packaging/generate.ts [--check]\n');
    return 2;
  }
  const files = await generateAll();
  if (words.length === 0) {
    for (const path of await write(files, root)) process.stdout.write(`${path}\n`);
    return 0;
  }
  const stale = differences(files, root);
  for (const path of stale) process.stderr.write(`${path} is not what is generated: npm run generate\n`);
  return stale.length === 0 ? 0 : 1;
}

if (process.argv[1] !== undefined && resolve(process.argv[1]) === import.meta.filename)
  process.exitCode = await main(process.argv.slice(2));

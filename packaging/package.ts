import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, relative } from 'node:path';
import { parseArgs } from 'node:util';
import { buildDeb, type PackageOrder } from './deb/build.ts';
import { components } from './licences/components.ts';
import { billOfMaterials } from './licences/sbom.ts';
import { DAEMONS, VERSION } from './metadata.ts';
import { ROOT } from './places.ts';
import { buildRpm } from './rpm/build.ts';
import { buildProgram } from './sea/build.ts';
import { bundle } from './sea/bundle.ts';
import { ARCHITECTURES, type Architecture } from './sea/node.ts';

const USAGE = `usage: npm run package -- [--architecture x64|arm64]... [--format deb|rpm]... [--release N] [--out DIRECTORY]
  Without --architecture and --format: all. Packages go to dist/. They are dated with SOURCE_DATE_EPOCH, or the last commit.
`;

const FORMATS = { deb: buildDeb, rpm: buildRpm } as const;
type Format = keyof typeof FORMATS;

interface Order {
  readonly architectures: readonly Architecture[];
  readonly formats: readonly Format[];
  /** Counts packages of the same version. */
  readonly release: string;
  readonly out: string;
}

function readOrder(words: readonly string[]): Order | undefined {
  try {
    const { values } = parseArgs({
      args: [...words],
      options: {
        architecture: { type: 'string', multiple: true, default: Object.keys(ARCHITECTURES) },
        format: { type: 'string', multiple: true, default: Object.keys(FORMATS) },
        release: { type: 'string', default: '1' },
        out: { type: 'string', default: join(ROOT, 'dist') },
      },
    });
    const architectures = values.architecture.filter((name): name is Architecture => Object.hasOwn(ARCHITECTURES, name));
    const formats = values.format.filter((name): name is Format => Object.hasOwn(FORMATS, name));
    if (architectures.length < values.architecture.length || formats.length < values.format.length || !/^\d+$/u.test(values.release)) {
      throw new Error('unknown architecture, format or release');
    }
    return { architectures, formats, release: values.release, out: values.out };
  } catch (thrown) {
    process.stderr.write(`${thrown instanceof Error ? thrown.message : String(thrown)}\n${USAGE}`);
    return undefined;
  }
}

/** Seconds since 1970 that everything is dated with. */
function sourceDate(): number {
  const given = process.env['SOURCE_DATE_EPOCH'];
  if (given !== undefined && /^\d+$/u.test(given)) return Number(given);
  try {
    return Number(execFileSync('git', ['log', '-1', '--format=%ct'], { cwd: ROOT, encoding: 'utf8', stdio: 'pipe' }));
  } catch {
    throw new Error('this is no git checkout: set SOURCE_DATE_EPOCH');
  }
}

async function main({ architectures, formats, release, out }: Order): Promise<void> {
  // Modes of what is packed are set by us, not by who packs it.
  process.umask(0o022);
  const date = sourceDate();
  mkdirSync(out, { recursive: true });
  const { text, metafile } = await bundle();
  const inside = components(metafile);
  writeFileSync(join(out, `onestorage-${VERSION}.cdx.json`), billOfMaterials(inside, date));
  const version = `${VERSION}-${release}`;
  // At once: most of the time goes into compressing, by one thread a package.
  await Promise.all(
    architectures.map(async (architecture) => {
      const ingredients = { program: await buildProgram(architecture, text), components: inside, date };
      for (const format of formats) for (const daemon of DAEMONS) await make(format, { daemon, architecture, version, ingredients, out });
    }),
  );
}

async function make(format: Format, order: Omit<PackageOrder, 'work'>): Promise<void> {
  const work = mkdtempSync(join(tmpdir(), 'onestorage-package-'));
  try {
    const file = await FORMATS[format]({ ...order, work });
    process.stdout.write(`${relative(process.cwd(), file)} ${(statSync(file).size / 2 ** 20).toFixed(1)} MiB\n`);
  } finally {
    rmSync(work, { recursive: true, force: true });
  }
}

const order = readOrder(process.argv.slice(2));
if (order === undefined) process.exitCode = 2;
else await main(order);

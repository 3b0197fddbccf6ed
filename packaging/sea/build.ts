import { execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { CACHE, ROOT } from '../places.ts';
import { ARCHITECTURES, type Architecture, lockedNode, nodeBinary } from './node.ts';

const run = promisify(execFile);

/** As in packaging/onestorage: the daemons move no data through their heaps. */
const NODE_OPTIONS = ['--disable-warning=ExperimentalWarning', '--max-semi-space-size=2', '--max-old-space-size=128'] as const;

/**
 * The program as one file: Node's binary of an architecture, without its symbols, with the bundle inside. Any architecture can be made on any:
 * Node's own build writes into a binary that it does not run. The same bundle gives the same bytes, so it is kept by its content.
 */
export async function buildProgram(architecture: Architecture, bundle: string): Promise<string> {
  const base = nodeBinary(architecture);
  const shim = readFileSync(join(ROOT, 'shims/shim.sh'));
  const key = createHash('sha256')
    .update(lockedNode(architecture).version)
    .update(bundle)
    .update(shim)
    .update(readFileSync(import.meta.filename))
    .digest('hex');
  const kept = join(CACHE, `onestorage-${architecture}-${key.slice(0, 16)}`);
  if (existsSync(kept)) return kept;

  mkdirSync(CACHE, { recursive: true });
  const work = mkdtempSync(join(CACHE, 'sea-'));
  try {
    await run(ARCHITECTURES[architecture].strip, ['-o', join(work, 'node'), base]);
    writeFileSync(join(work, 'onestorage.mjs'), bundle);
    writeFileSync(join(work, 'shim.sh'), shim);
    const config = {
      // Names, not paths: they become a part of the program.
      main: 'onestorage.mjs',
      mainFormat: 'module',
      executable: 'node',
      output: 'onestorage',
      disableExperimentalSEAWarning: true,
      // Code that is compiled ahead fits one machine only.
      useCodeCache: false,
      useSnapshot: false,
      execArgv: NODE_OPTIONS,
      // NODE_OPTIONS of a login shell has no say.
      execArgvExtension: 'none',
      assets: { 'shim.sh': 'shim.sh' },
    };
    writeFileSync(join(work, 'sea.json'), JSON.stringify(config));
    await run(process.execPath, ['--build-sea', 'sea.json'], { cwd: work });
    for (const old of readdirSync(CACHE).filter((name) => name.startsWith(`onestorage-${architecture}-`))) rmSync(join(CACHE, old));
    renameSync(join(work, 'onestorage'), kept);
  } finally {
    rmSync(work, { recursive: true, force: true });
  }
  return kept;
}

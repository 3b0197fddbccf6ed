import { rm } from 'node:fs/promises';
import fc from 'fast-check';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { hasProgram } from '../../agent/tools/programs.ts';
import { BLOCKS, type Format, type Model, program } from '../helpers/disks.ts';
import { lifeCommands, ran, STEP_NAMES } from './commands.ts';
import { diskPlace, imagePlace, type LifeModel } from './model.ts';
import { PropertySite } from './site.ts';

const wished = process.env['ONESTORAGE_PROPERTY_RUNS'];
const RUNS = Number(wished ?? 24);
/** Of runs that nobody asked for by number: a loaded machine does fewer. */
const ENOUGH_MS = 40_000;
const COMMANDS = 30;

/** What a failure printed, to run the same again. */
const { ONESTORAGE_PROPERTY_SEED: seed, ONESTORAGE_PROPERTY_PATH: failed, ONESTORAGE_PROPERTY_REPLAY: REPLAY } = process.env;
const AGAIN = { ...(seed === undefined ? {} : { seed: Number(seed) }), ...(failed === undefined ? {} : { path: failed }) };

const programs = await Promise.all((['nbdkit', 'nbdcopy', 'qemu-img'] as const).map((name) => hasProgram(name)));
const lacks = process.env['CI'] !== 'true' && programs.includes(false);

let site: PropertySite;
let lives = 0;
beforeAll(async () => {
  if (!lacks) site = await PropertySite.start();
});
afterAll(async () => {
  await site?.stop();
});

/** A registered image on the front-end, with something in it, and a VM with a disk of it. */
async function begin(format: Format): Promise<LifeModel> {
  lives += 1;
  const vm = String(lives);
  const content = new Uint8Array(BLOCKS);
  const name = `${vm}-image`;
  await program('qemu-img', 'create', '-q', '-f', format, site.file(0, imagePlace(name)), String(BLOCKS * 4096));
  await site.write(0, imagePlace(name), format, 10, 30, 7);
  content.fill(7, 10, 40);
  const fresh = () => ({ format, content, snapshots: new Map<number, Model>(), nextId: 0 });
  const model: LifeModel = { vm, host: 1, disks: new Map([['disk.0', fresh()]]), images: new Map([[name, fresh()]]), made: 1 };
  const target = { type: 'disk', place: diskPlace(model, 'disk.0'), format, sizeBytes: 0, preallocate: false, monitor: '' } as const;
  await site.receive(0, { place: imagePlace(name), format, flat: false }, 1, target);
  return model;
}

async function end(model: LifeModel): Promise<void> {
  for (const index of site.hosts.keys()) await rm(site.file(index, { datastoreId: 0, path: model.vm }), { recursive: true, force: true });
  for (const name of model.images.keys()) {
    for (const file of [name, `${name}.snap`]) await rm(site.file(0, imagePlace(file)), { recursive: true, force: true });
  }
}

it.skipIf(lacks)('keeps every disk, snapshot and image through any life', { timeout: 3_600_000 }, async () => {
  const deadline = wished === undefined ? performance.now() + ENOUGH_MS : Number.POSITIVE_INFINITY;
  const property = fc.asyncProperty(fc.constantFrom('raw', 'qcow2'), lifeCommands(COMMANDS, REPLAY), async (format, commands) => {
    if (performance.now() > deadline) return;
    const model = await begin(format);
    try {
      await fc.asyncModelRun(() => ({ model, real: site }), commands);
    } finally {
      await end(model);
    }
  });
  // The error names the seed, the path and the commands: all it takes to run them again.
  await fc.assert(property, { numRuns: RUNS, endOnFailure: process.env['CI'] === 'true', ...AGAIN });
  const total = [...ran.values()].reduce((sum, count) => sum + count, 0);
  const counts = STEP_NAMES.map((name) => `${name} ${ran.get(name) ?? 0}`).join(', ');
  process.stdout.write(`property: ${lives} lives, ${total} commands, all contents equal to the model after each (${counts})\n`);
  expect(total).toBeGreaterThan(0);
});

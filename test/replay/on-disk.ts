import { lstatSync, readlinkSync } from 'node:fs';
import { open } from 'node:fs/promises';
import path from 'node:path';
import { expect } from 'vitest';
import type { RecordedCall } from '../fixtures/oned/recording.ts';
import { tree } from '../helpers/disks.ts';
import { diskFacts } from '../lab/tools.ts';
import { named, verbOf } from './recorded.ts';
import { present, type State } from './state.ts';

const MIB = 1 << 20;

/** Checks, after the call, what stock would have left on disk. `printed` is the call's output. */
export type Aftermath = (printed: string) => Promise<void>;
type Look = (call: RecordedCall, state: State) => Promise<Aftermath> | Aftermath;

const word = (call: RecordedCall, index: number): string => call.argv[index] ?? '';

/** To be called before the call. */
export async function aftermathOf(call: RecordedCall, state: State): Promise<Aftermath> {
  const look = LOOKS[verbOf(call)];
  return look === undefined ? async () => undefined : await look(call, state);
}

/** A plain file, or layers: the active one a relative link, and the link to the directory itself. */
async function checkDisk(file: string, format: 'raw' | 'qcow2', layers: boolean, sizeMb?: number): Promise<void> {
  const name = path.basename(file);
  const kind = lstatSync(file).isSymbolicLink() ? 'link' : lstatSync(file).isFile() ? 'file' : 'other';
  expect(kind, file).toBe(layers ? 'link' : 'file');
  if (layers) {
    expect(readlinkSync(file)).toMatch(new RegExp(`^${name.replaceAll('.', '\\.')}\\.snap/\\d+$`));
    expect(readlinkSync(path.join(`${file}.snap`, `${name}.snap`))).toBe('.');
  }
  const facts = await diskFacts(file, format);
  expect(facts.format).toBe(format);
  if (sizeMb !== undefined) expect(facts.virtualSize / MIB).toBe(sizeMb);
}

const deployed: Look = async (call, state) => {
  const target = named(word(call, 1));
  const format = state.disk(target)?.format ?? 'raw';
  const { virtualSize } = await diskFacts(word(call, 0).replace(/^\w+:/, ''), format);
  return () => checkDisk(state.at(target), format, format === 'qcow2', virtualSize / MIB);
};

const snapshot: Look = (call, state) => {
  const target = named(word(call, 0));
  const file = state.at(target);
  const format = state.disk(target)?.format ?? 'raw';
  const id = Number(word(call, 1));
  const before = format === 'qcow2' ? readlinkSync(file) : '';
  const verb = verbOf(call);
  return async () => {
    await checkDisk(file, format, format === 'qcow2');
    if (format === 'raw') expect(present(path.join(`${file}.snap`, String(id)))).toBe(verb !== 'snap_delete');
    if (format === 'raw' || verb !== 'snap_create') return;
    expect(readlinkSync(file)).toBe(`disk.${target.disk}.snap/${id + 1}`);
    expect((await diskFacts(file, format)).backing).toBe(before);
  };
};

const imageSnapshot: Look = (call) => {
  const [, source = ''] = /<SOURCE><!\[CDATA\[([^\]]+)/.exec(call.document) ?? [];
  const [, format = 'raw'] = /<FORMAT><!\[CDATA\[(\w+)/.exec(call.document) ?? [];
  const flat = verbOf(call) === 'snap_flatten';
  return async () => {
    const facts = await diskFacts(source, format);
    expect(facts.format).toBe(format);
    if (!flat) return;
    expect(lstatSync(source).isFile()).toBe(true);
    expect(present(`${source}.snap`)).toBe(false);
    expect(facts.backing).toBeUndefined();
  };
};

const LOOKS: Readonly<Record<string, Look>> = {
  clone: (call, state) => (call.script.startsWith('datastore/') ? newImage(call, state) : deployed(call, state)),
  ln: deployed,
  cp: (call, state) => newImage(call, state),
  mkfs: (call, state) => newImage(call, state),
  mkimage: (call, state) => () => checkDisk(state.at(named(word(call, 2))), word(call, 1) as 'raw', false, Number(word(call, 0))),
  mkswap: (call, state) => async () => {
    const file = state.at(named(word(call, 1)));
    await checkDisk(file, 'raw', false, Number(word(call, 0)));
    expect(await textAt(file, 4086, 10)).toBe('SWAPSPACE2');
  },
  context: (call, state) => async () => {
    const file = state.at(named(call.argv.at(-3) ?? ''));
    expect(lstatSync(file).isFile()).toBe(true);
    expect(await textAt(file, 16 * 2048 + 40, 7)).toBe('CONTEXT');
  },
  mv: async (call, state) => {
    const [source, target] = [named(word(call, 0)), named(word(call, 1))];
    const directory = { ...source, disk: undefined };
    const before = await tree(state.at(directory));
    return async () => {
      const still = source.disk !== undefined;
      expect(present(state.at(directory)), 'the source').toBe(still);
      expect(await tree(state.at(still ? directory : target))).toEqual(before);
    };
  },
  mvds: (call, state) => {
    const source = named(word(call, 0));
    const format = state.disk(source)?.format ?? 'raw';
    const layers = lstatSync(state.at(source)).isSymbolicLink() && readlinkSync(state.at(source)).endsWith('/0') === false;
    return async () => {
      const facts = await diskFacts(word(call, 1), format);
      expect(facts.format).toBe(format);
      if (layers) expect(readlinkSync(word(call, 1))).toMatch(/^[0-9a-f]{32}\.snap\/\d+$/);
    };
  },
  cpds: (call, state) => async () => {
    const format = state.disk(named(word(call, 0)))?.format ?? 'raw';
    expect(lstatSync(word(call, 1)).isFile()).toBe(true);
    expect(await diskFacts(word(call, 1), format)).toMatchObject({ format, backing: undefined });
  },
  delete: (call, state) => async () => {
    const file = state.at(named(word(call, 0)));
    expect([present(file), present(`${file}.snap`)]).toEqual([false, false]);
  },
  resize: async (call, state) => {
    const target = named(word(call, 0));
    const format = state.disk(target)?.format ?? 'raw';
    const before = (await diskFacts(state.at(target), format)).virtualSize / MIB;
    // Of a running VM the hypervisor does it.
    const sizeMb = call.live ? before : Number(word(call, 1));
    return async () => expect((await diskFacts(state.at(target), format)).virtualSize / MIB).toBe(sizeMb);
  },
  snap_create: snapshot,
  snap_revert: (call, state) => (call.script.startsWith('datastore/') ? imageSnapshot(call, state) : snapshot(call, state)),
  snap_delete: (call, state) => (call.script.startsWith('datastore/') ? imageSnapshot(call, state) : snapshot(call, state)),
  snap_flatten: imageSnapshot,
  rm: (call) => async () => {
    const [, source = ''] = /<SOURCE><!\[CDATA\[([^\]]+)/.exec(call.document) ?? [];
    expect(present(source)).toBe(false);
  },
};

/** cp, clone and mkfs: a plain file under the printed name, of the format that is printed or asked for. For save_as a cpds follows. */
function newImage(call: RecordedCall, _state: State): Aftermath {
  return async (printed) => {
    const [source = '', format] = printed.trim().split(' ');
    const asked = /<FORMAT><!\[CDATA\[(\w+)/.exec(call.document)?.[1];
    if (asked === 'save_as') return expect(present(source)).toBe(false);
    expect(lstatSync(source).isFile()).toBe(true);
    const wanted = format ?? asked ?? 'raw';
    expect(await diskFacts(source, wanted)).toMatchObject({ format: wanted, backing: undefined });
  };
}

async function textAt(file: string, position: number, length: number): Promise<string> {
  const handle = await open(file);
  try {
    const { buffer } = await handle.read(Buffer.alloc(length), 0, length, position);
    return buffer.toString('latin1');
  } finally {
    await handle.close();
  }
}

import { StorageError } from '../../runtime/errors.ts';
import type { Statement, Value } from './template-file.ts';

/** A list of driver names inside ARGUMENTS of a driver's block (contract 3.1). */
export interface DriverList {
  /** `TM_MAD -d` */
  readonly title: string;
  readonly names: readonly string[];
  /** Where the list is; undefined: the option is not there. */
  readonly place: Value | undefined;
  /** Where an option can be added. */
  readonly end: number;
}

const BLOCKS = { TM_MAD: ['-t', '-d', '-w'], DATASTORE_MAD: ['-t', '-d', '-s', '-w'] } as const;

export type ListTitle = 'TM_MAD -d' | 'DATASTORE_MAD -d' | 'DATASTORE_MAD -s';

/**
 * The list of an option. Throws bad_config when the block is missing or stands twice, or its ARGUMENTS are not options with a value each: then
 * nobody knows where the list ends.
 */
export function findList(statements: readonly Statement[], title: ListTitle, file: string): DriverList {
  const [block = '', option = ''] = title.split(' ');
  const remedy = 'add the drivers by hand; nothing was changed';
  const blocks = statements.filter(({ name }) => name === block);
  const [only] = blocks;
  const given = only?.keys.get('ARGUMENTS');
  if (only === undefined || given === undefined || blocks.length > 1) {
    const what = blocks.length > 1 ? `${block} stands ${blocks.length} times` : `there is no ${block} with ARGUMENTS`;
    throw new StorageError('bad_config', `${file}: ${what}: ${remedy}`);
  }
  const words = [...given.text.matchAll(/\S+/gu)].map(({ 0: text, index }) => ({ text, start: given.start + index }));
  const known: readonly string[] = BLOCKS[block as keyof typeof BLOCKS];
  let place: Value | undefined;
  for (let index = 0; index < words.length; index += 2) {
    const [name, value] = [words[index], words[index + 1]];
    const isSecond = name?.text === option && place !== undefined;
    if (name === undefined || value === undefined || !known.includes(name.text) || value.text.endsWith(',') || isSecond) {
      const odd = name === undefined || !known.includes(name.text) ? name?.text : `${name.text} ${value?.text ?? ''}`.trim();
      throw new StorageError('bad_config', `${file}:${only.line}: '${odd}' in ARGUMENTS of ${block} is not understood: ${remedy}`);
    }
    if (name.text === option) place = { text: value.text, start: value.start, end: value.start + value.text.length };
  }
  return { title, names: place?.text.split(',') ?? [], place, end: given.end };
}

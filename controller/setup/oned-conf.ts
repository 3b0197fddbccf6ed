import { StorageError } from '../../runtime/errors.ts';
import { type DriverRow, INHERITED, requiredConf } from './driver-rows.ts';
import { findList, type ListTitle } from './oned-lists.ts';
import { readTemplate, type Statement } from './template-file.ts';

/** Text between the two lines is ours; the second line says what was added elsewhere, so that it can be taken away without anything else. */
const BEGIN = '# onestorage: begin. Made by "onestorage setup"; "onestorage setup --undo" takes it away.';
const BEGIN_NO_NEWLINE = `${BEGIN} The file did not end with a newline.`;
const LISTED = '# onestorage: added above to ';
const END = '# onestorage: end';

/** What oned uses when there is no -s (one_datastore.rb): naming ours alone would take those away. */
const DEFAULT_SYSTEMS = ['shared', 'ssh', 'ceph'];

interface Edit {
  readonly at: number;
  readonly text: string;
}

/**
 * oned.conf with the drivers: in the lists, with their TM_MAD_CONF and DS_MAD_CONF and the inherited attributes. What is there already is left
 * alone, so the result of the result is the same. Throws bad_config, with the line, for what it does not understand or what contradicts it.
 */
export function addToOnedConf(given: string, drivers: readonly DriverRow[], file: string): string {
  const text = removeFromOnedConf(given, file);
  const statements = readTemplate(text, file);
  const added: string[] = [];
  const edits = ['TM_MAD -d', 'DATASTORE_MAD -d', 'DATASTORE_MAD -s'] as const satisfies readonly ListTitle[];
  const inserted = edits.flatMap((title): readonly Edit[] => {
    const kind = title === 'DATASTORE_MAD -d' ? 'ds' : 'tm';
    const list = findList(statements, title, file);
    const missing = drivers.filter((driver) => driver.kind === kind && !list.names.includes(driver.name)).map(({ name }) => name);
    // Without -d every driver that is there may be used.
    if (missing.length === 0 || (list.place === undefined && title !== 'DATASTORE_MAD -s')) return [];
    added.push(`${title} ${missing.join(',')}`);
    if (list.place !== undefined) return [{ at: list.place.end, text: `,${missing.join(',')}` }];
    added[added.length - 1] += ' (with -s)';
    return [{ at: list.end, text: ` -s ${[...DEFAULT_SYSTEMS, ...missing].join(',')}` }];
  });
  const rows = [...drivers.flatMap((driver) => confLine(driver, statements, file)), ...inheritLines(statements)];
  if (rows.length === 0 && added.length === 0) return text;
  const whole = inserted
    .toReversed()
    .toSorted((a, b) => b.at - a.at)
    .reduce((all, { at, text: more }) => all.slice(0, at) + more + all.slice(at), text);
  const isOpen = whole !== '' && !whole.endsWith('\n');
  const block = [isOpen ? BEGIN_NO_NEWLINE : BEGIN, ...(added.length === 0 ? [] : [LISTED + added.join('; ')]), ...rows, END];
  return `${whole}${isOpen ? '\n' : ''}\n${block.join('\n')}\n`;
}

function confLine(driver: DriverRow, statements: readonly Statement[], file: string): readonly string[] {
  const name = driver.kind === 'tm' ? 'TM_MAD_CONF' : 'DS_MAD_CONF';
  const there = statements.find((one) => one.name === name && one.keys.get('NAME')?.text === driver.name);
  if (there === undefined) {
    const words = Object.entries({ NAME: driver.name, ...driver.conf }).map(([key, value]) => `${key} = "${value}"`);
    return [`${name} = [ ${words.join(', ')} ]`];
  }
  const wanted = driver.kind === 'tm' ? requiredConf(driver.name) : {};
  for (const [key, value] of Object.entries(wanted)) {
    const found = there.keys.get(key)?.text;
    if (found?.toUpperCase() === value) continue;
    const text = `${name} of ${driver.name} has ${key} = "${found ?? ''}", it must be "${value}"`;
    throw new StorageError('bad_config', `${file}:${there.line}: ${text}; nothing was changed`);
  }
  return [];
}

function inheritLines(statements: readonly Statement[]): readonly string[] {
  const there = new Set(statements.filter(({ name }) => name === 'INHERIT_DATASTORE_ATTR').map(({ value }) => value?.text.toUpperCase()));
  return INHERITED.filter((attribute) => !there.has(attribute)).map((attribute) => `INHERIT_DATASTORE_ATTR = "${attribute}"`);
}

/** The file without what `addToOnedConf` put in, whatever else was changed meanwhile; byte for byte as before when nothing was. */
export function removeFromOnedConf(text: string, file: string): string {
  const begin = text.search(/^# onestorage: begin/mu);
  if (begin < 0) return text;
  const end = text.indexOf(`\n${END}\n`, begin);
  if (end < 0)
    throw new StorageError('bad_config', `${file}: '${BEGIN}' has no '${END}' behind it: correct it by hand; nothing was changed`);
  const block = text.slice(begin, end);
  const wasOpen = block.startsWith(BEGIN_NO_NEWLINE);
  const listed = block.split('\n').find((line) => line.startsWith(LISTED)) ?? LISTED;
  // The empty line before the block is ours too.
  const from = Math.max(0, begin - (wasOpen && text.slice(0, begin).endsWith('\n\n') ? 2 : text.slice(0, begin).endsWith('\n') ? 1 : 0));
  const bare = text.slice(0, from) + text.slice(end + END.length + 2);
  return listed
    .slice(LISTED.length)
    .split('; ')
    .filter((entry) => entry !== '')
    .reduce((all, entry) => takeFromList(all, entry, file), bare);
}

function takeFromList(text: string, entry: string, file: string): string {
  const [, title = '', names = '', option] = /^(\S+ -[ds]) (\S+)( \(with -s\))?$/u.exec(entry) ?? [];
  const list = findList(readTemplate(text, file), title as ListTitle, file);
  if (list.place === undefined) return text;
  const ours = new Set(names.split(','));
  const left = list.names.filter((name) => !ours.has(name));
  const isOurs = option !== undefined && left.join() === DEFAULT_SYSTEMS.join();
  const start = isOurs ? text.lastIndexOf(' -s ', list.place.start) : list.place.start;
  return text.slice(0, start) + (isOurs ? '' : left.join(',')) + text.slice(list.place.end);
}

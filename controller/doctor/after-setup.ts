import { attributesOf, childrenOf } from '../opennebula/pick.ts';
import type { XmlElement } from '../opennebula/xml.ts';
import { INHERITED, readyDrivers, requiredConf } from '../setup/driver-rows.ts';
import { findList, type ListTitle } from '../setup/oned-lists.ts';
import { readTemplate } from '../setup/template-file.ts';
import { lacksLiveSnapshots } from '../setup/vmm-execrc.ts';
import type { Problem } from './check.ts';
import { listedDrivers } from './oned.ts';

/** What `onestorage setup --apply` leaves to do on the front-end. */

const TITLES = ['TM_MAD -d', 'DATASTORE_MAD -d', 'DATASTORE_MAD -s'] as const satisfies readonly ListTitle[];

/** One setting of a driver, as oned.conf or the running oned has it: equal text, equal setting. */
interface Setting {
  readonly of: string;
  readonly text: string;
}

/**
 * oned reads oned.conf when it starts. `running` is one.system.config, `text` what the file holds now; gives whom a restart makes known: drivers, and
 * inherited attributes. Throws bad_config for a file that is not understood.
 */
export function notYetRead(running: XmlElement, text: string, file: string): readonly string[] {
  const known = new Set(inMemory(running).map(({ text: setting }) => setting));
  const waiting = onDisk(text, file).filter(({ text: setting }) => !known.has(setting));
  return [...new Set(waiting.map(({ of }) => of))];
}

export function checkRestart(waiting: readonly string[], file: string): readonly Problem[] {
  if (waiting.length === 0) return [];
  const text = `oned was started before this was written into it: ${waiting.join(', ')}`;
  return [{ severity: 'error', subject: file, text, remedy: 'restart oned: systemctl restart opennebula' }];
}

/** one_vmm_exec reads it at each snapshot, so nothing has to be restarted. `used`: drivers of datastores. */
export function checkVmmExecrc(text: string, used: ReadonlySet<string>, file: string): readonly Problem[] {
  const lacking = lacksLiveSnapshots(
    text,
    readyDrivers().filter(({ name }) => used.has(name)),
    file,
  );
  if (lacking.length === 0) return [];
  const words = `LIVE_DISK_SNAPSHOTS lacks ${lacking.join(', ')}: OpenNebula refuses snapshots of running machines`;
  return [{ severity: 'warning', subject: file, text: words, remedy: 'onestorage setup --apply' }];
}

function onDisk(text: string, file: string): readonly Setting[] {
  const statements = readTemplate(text, file);
  const confs = statements
    .filter(({ name }) => name === 'TM_MAD_CONF')
    .map(({ keys }) => new Map([...keys].map(([key, value]) => [key, value.text])));
  const inherited = statements.filter(({ name }) => name === 'INHERIT_DATASTORE_ATTR').map(({ value }) => value?.text ?? '');
  return settings((title) => findList(statements, title, file).names, confs, inherited);
}

function inMemory(running: XmlElement): readonly Setting[] {
  const confs = childrenOf(running, 'TM_MAD_CONF').map(attributesOf);
  const inherited = childrenOf(running, 'INHERIT_DATASTORE_ATTR').map((one) => one.text.trim());
  return settings((title) => listedDrivers(running, title), confs, inherited);
}

/** Only what is ours: an administrator may have changed the rest, and will restart oned when he wants to. */
function settings(
  listed: (title: ListTitle) => readonly string[],
  confs: readonly ReadonlyMap<string, string>[],
  inherited: readonly string[],
): readonly Setting[] {
  const names = new Set(readyDrivers().map(({ name }) => name));
  const lists = TITLES.flatMap((title) => listed(title).map((of) => ({ of, text: `${title} ${of}` })));
  const attributes = confs.flatMap((conf) => {
    const of = conf.get('NAME') ?? '';
    return Object.keys(requiredConf(of)).map((key) => ({ of, text: `${of}: ${key}=${conf.get(key)?.toUpperCase() ?? ''}` }));
  });
  const ours = [...lists, ...attributes].filter(({ of }) => names.has(of));
  const words = new Set(inherited.map((word) => word.toUpperCase()));
  return [...ours, ...INHERITED.filter((of) => words.has(of)).map((of) => ({ of, text: `INHERIT_DATASTORE_ATTR ${of}` }))];
}

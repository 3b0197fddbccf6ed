import { hostname } from 'node:os';
import type { ControllerConfig } from '../config.ts';
import { type DatastoreSummary, type HostSummary, isOurs, ourDriver } from '../opennebula/overview.ts';
import { attributesOf, child, childrenOf, textOf } from '../opennebula/pick.ts';
import type { XmlElement } from '../opennebula/xml.ts';
import { requiredConf } from '../setup/driver-rows.ts';
import type { ListTitle } from '../setup/oned-lists.ts';
import type { Problem } from './check.ts';

/** The drivers that datastores use are known to oned, with their attributes. */
export function checkOnedConf(configuration: XmlElement, datastores: readonly DatastoreSummary[]): readonly Problem[] {
  const confs = new Map(childrenOf(configuration, 'TM_MAD_CONF').map((one) => [textOf(one, 'NAME') ?? '', attributesOf(one)]));
  const listed = (title: ListTitle): ReadonlySet<string> => new Set(listedDrivers(configuration, title));
  const [tms, dss, systems] = [listed('TM_MAD -d'), listed('DATASTORE_MAD -d'), listed('DATASTORE_MAD -s')];
  const problems: Problem[] = [];
  const add = (subject: string, text: string, remedy: string): void => {
    if (!problems.some((known) => known.subject === subject && known.text === text))
      problems.push({ severity: 'error', subject, text, remedy });
  };
  for (const { tmMad, dsMad, type } of datastores.filter(isOurs)) {
    if (ourDriver('tm', tmMad) !== undefined) {
      const conf = confs.get(tmMad);
      const wrong = Object.entries(requiredConf(tmMad)).filter(([key, value]) => conf?.get(key)?.toUpperCase() !== value);
      const wanted = wrong.map(([key, value]) => `${key} = "${value}"`).join(', ');
      if (conf === undefined) add(tmMad, 'oned.conf has no TM_MAD_CONF for it', `${CONF_REMEDY}${wanted}, and restart oned`);
      else if (wrong.length > 0) add(tmMad, `its TM_MAD_CONF lacks ${wanted}`, 'correct /etc/one/oned.conf and restart oned');
      if (!tms.has(tmMad))
        add(tmMad, 'TM_MAD of oned.conf does not list it', `add ${tmMad} to -d in ARGUMENTS of TM_MAD, and restart oned`);
      if (type === 'system' && !systems.has(tmMad)) {
        add(tmMad, 'DATASTORE_MAD of oned.conf does not list it', `add ${tmMad} to -s in ARGUMENTS of DATASTORE_MAD, and restart oned`);
      }
    }
    if (ourDriver('ds', dsMad) !== undefined && !dss.has(dsMad)) {
      add(dsMad, 'DATASTORE_MAD of oned.conf does not list it', `add ${dsMad} to -d in ARGUMENTS of DATASTORE_MAD, and restart oned`);
    }
  }
  return problems;
}

const CONF_REMEDY = 'add one to /etc/one/oned.conf, with ';

/** The names in one list of one.system.config: `-t 15 -d dummy,ssh` → dummy, ssh. */
export function listedDrivers(configuration: XmlElement, title: ListTitle): readonly string[] {
  const [block = '', flag = ''] = title.split(' ');
  return childrenOf(configuration, block).flatMap((one) => valuesOf(textOf(one, 'ARGUMENTS') ?? '', flag));
}

function valuesOf(text: string, flag: string): readonly string[] {
  const list = new RegExp(`(?:^|\\s)${flag}\\s+(\\S+)`, 'u').exec(text)?.[1] ?? '';
  return list.split(',').filter((word) => word !== '');
}

/** A datastore keeps what oned.conf said when it got its driver. */
export function checkDatastores(datastores: readonly DatastoreSummary[]): readonly Problem[] {
  return datastores.filter(isOurs).flatMap(({ id, name, type, tmMad, dsMad, template }): Problem[] => {
    const subject = `datastore ${id} (${name})`;
    const driver = ourDriver('tm', tmMad) ?? ourDriver('ds', dsMad);
    if (driver !== undefined && driver.ready !== true) {
      const text =
        driver.ready === false ? `the driver ${tmMad} is not there yet` : `the driver ${tmMad} can do but ${driver.ready.join(', ')} yet`;
      return [{ severity: 'error', subject, text, remedy: 'shims/ACTIONS.md says what each can do' }];
    }
    const keys = type === 'system' ? ['SHARED'] : ['LN_TARGET', 'CLONE_TARGET'];
    const wanted = Object.entries(requiredConf(tmMad)).filter(([key]) => keys.includes(key));
    const wrong = wanted.filter(([key, value]) => template.get(key)?.toUpperCase() !== value);
    if (wrong.length === 0) return [];
    const text = `it has not ${wrong.map(([key, value]) => `${key}=${value}`).join(', ')}`;
    return [
      {
        severity: 'error',
        subject,
        text,
        remedy: `correct TM_MAD_CONF, restart oned, then onedatastore update ${id} with TM_MAD="${tmMad}"`,
      },
    ];
  });
}

/** Host names as oned writes them must lead somewhere. */
export function checkHostNames(config: ControllerConfig, known: readonly HostSummary[]): readonly Problem[] {
  const configured = new Set(Object.keys(config.hosts).map((name) => name.toLowerCase()));
  const frontEnd = new Set(config.front_end.names.map((name) => name.toLowerCase()));
  const problems: Problem[] = [];
  for (const { name, offline } of known) {
    if (offline || configured.has(name.toLowerCase()) || frontEnd.has(name.toLowerCase())) continue;
    const text = config.hosts_only
      ? 'OpenNebula has this host, and controller.yaml does not'
      : `controller.yaml does not have this host: it is looked for at ${name}:${config.port}`;
    problems.push({ severity: config.hosts_only ? 'error' : 'warning', subject: name, text, remedy: 'add it to hosts of controller.yaml' });
  }
  const names = new Set(known.map(({ name }) => name.toLowerCase()));
  for (const name of configured) {
    if (names.has(name) || frontEnd.has(name)) continue;
    const text = 'controller.yaml has this host, and OpenNebula does not';
    problems.push({
      severity: 'warning',
      subject: name,
      text,
      remedy: 'write it as onehost list does, or take it out of hosts of controller.yaml',
    });
  }
  return problems;
}

/** oned writes its own name before paths of the front-end: HOSTNAME of oned.conf, else what the system calls it. */
export function checkFrontEndName(config: ControllerConfig, configuration: XmlElement | undefined): readonly Problem[] {
  const configured = textOf(configuration, 'HOSTNAME') ?? textOf(child(configuration, 'FEDERATION'), 'HOSTNAME');
  const wanted = (configured ?? hostname()).toLowerCase();
  const names = config.front_end.names.length === 0 ? [hostname()] : config.front_end.names;
  if (names.some((name) => name.toLowerCase() === wanted || name.toLowerCase().split('.')[0] === wanted.split('.')[0])) return [];
  const text = `oned ${configured === undefined ? 'most likely calls itself' : 'calls itself'} ${wanted}, front_end.names has ${names.join(', ')}`;
  const severity = configured === undefined ? 'warning' : 'error';
  return [{ severity, subject: 'front_end', text, remedy: `add ${wanted} to front_end.names of controller.yaml` }];
}

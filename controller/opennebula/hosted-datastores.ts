import { DRIVERS, type Driver } from '../drivers.ts';
import { askOpenNebula, type OpenNebulaOptions } from './client.ts';
import { child, childrenOf, numberOf, required, textOf, yes } from './pick.ts';
import type { XmlElement } from './xml.ts';

/** A system datastore on the own storage of each host in its clusters. */
export interface HostedDatastore {
  readonly id: number;
  /** Its TM_MAD, one of ours. */
  readonly driver: string;
  readonly hostNames: readonly string[];
}

const SYSTEM_DATASTORE = 1;
/** Host::OFFLINE of OpenNebula: an admin has switched it off. */
const OFFLINE = 8;

/** All local system datastores of our drivers, and their hosts. Throws opennebula_unavailable, bad_document. */
export async function localSystemDatastores(options: OpenNebulaOptions, signal: AbortSignal): Promise<readonly HostedDatastore[]> {
  const datastores = await askOpenNebula(options, 'one.datastorepool.info', [], signal);
  if (hosted(datastores, undefined).length === 0) return [];
  return hosted(datastores, await askOpenNebula(options, 'one.hostpool.info', [], signal));
}

/** `hosts` undefined: no datastore has any. */
export function hosted(datastores: XmlElement, hosts: XmlElement | undefined): readonly HostedDatastore[] {
  required(datastores.name === 'DATASTORE_POOL' ? datastores : undefined, 'DATASTORE_POOL element at its root');
  const online = childrenOf(hosts, 'HOST').filter((host) => numberOf(host, 'STATE') !== OFFLINE);
  return childrenOf(datastores, 'DATASTORE').flatMap((datastore) => {
    const driver = textOf(datastore, 'TM_MAD') ?? '';
    if (numberOf(datastore, 'TYPE') !== SYSTEM_DATASTORE || !isLocal(driver, datastore)) return [];
    const clusters = new Set(childrenOf(child(datastore, 'CLUSTERS'), 'ID').map((one) => one.text.trim()));
    const ours = online.filter((host) => clusters.has(textOf(host, 'CLUSTER_ID') ?? ''));
    const hostNames = ours.map((host) => required(textOf(host, 'NAME'), 'HOST/NAME'));
    return [{ id: required(numberOf(datastore, 'ID'), 'DATASTORE/ID'), driver, hostNames }];
  });
}

function isLocal(name: string, datastore: XmlElement): boolean {
  const drivers: Readonly<Record<string, Driver>> = DRIVERS;
  const driver = Object.hasOwn(drivers, `tm/${name}`) ? drivers[`tm/${name}`] : undefined;
  const shared = yes(textOf(child(datastore, 'TEMPLATE'), 'SHARED'), false);
  return driver?.ready === true && driver.placement === 'host' && !shared;
}

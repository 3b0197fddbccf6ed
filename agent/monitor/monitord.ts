import type { KeyObject } from 'node:crypto';
import { StorageError } from '../../runtime/errors.ts';
import { publicKey } from '../../runtime/monitord/key.ts';
import {
  DEFAULT_PORT,
  readSmall,
  readTemplate,
  readXmlSettings,
  type Settings,
  whole,
  withoutEmpty,
} from '../../runtime/monitord/settings.ts';
import type { MonitordConfig } from './monitord-config.ts';

/** Where onemonitord is and how it wants to be told. */
export interface Monitord {
  readonly address: string;
  readonly port: number;
  readonly hostId: number;
  readonly key: KeyObject | undefined;
  readonly intervalMs: number;
}

/** Default of OpenNebula (contract 6.4). */
const DEFAULT_SECONDS = 30;

/**
 * Learns it as OpenNebula's probes do (contract 6.4), each time anew: oned may move to another front-end. What agent.yaml says goes first, then
 * the XML the probes were started with, then monitord.conf. Throws bad_config, which names the key that would help.
 */
export async function learnMonitord(config: MonitordConfig): Promise<Monitord> {
  const xml = await readSmall(config.config);
  const conf = await readSmall(config.conf);
  const settings: Settings = { ...withoutEmpty(readTemplate(conf ?? '')), ...withoutEmpty(readXmlSettings(xml ?? '')) };
  const hostId = config.host_id ?? whole(settings.hostId, 0);
  if (hostId === undefined) throw missing('the id of this host is not known', config.config, 'host_id');
  return {
    address: config.address ?? (await resolveAddress(settings.address, config)),
    port: config.port ?? whole(settings.port, 1) ?? DEFAULT_PORT,
    hostId,
    key: await publicKey(settings.publicKey, config.public_key),
    intervalMs: 1000 * (config.interval_seconds ?? whole(settings.seconds, 1) ?? DEFAULT_SECONDS),
  };
}

function missing(what: string, file: string, key: string): StorageError {
  return new StorageError('bad_config', `${what}: ${file} does not say it; set monitord.${key} in agent.yaml`);
}

/** `auto` is the front-end that started the probes: the first word of their SSH_CLIENT. */
async function resolveAddress(address: string | undefined, config: MonitordConfig): Promise<string> {
  if (address === undefined) throw missing('the address of onemonitord is not known', config.config, 'address');
  if (address !== 'auto') return address;
  const pid = whole((await readSmall(config.client))?.trim(), 1);
  const environment = pid === undefined ? undefined : await readSmall(`/proc/${pid}/environ`);
  const [, found] = /(?:^|\0)SSH_CLIENT=([^ \0]+)/u.exec(environment ?? '') ?? [];
  if (found === undefined) throw missing('MONITOR_ADDRESS is auto, and no probe runs that knows it', config.client, 'address');
  return found;
}

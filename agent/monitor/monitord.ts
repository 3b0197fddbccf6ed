import { createPublicKey, type KeyObject } from 'node:crypto';
import { asStorageError, StorageError } from '../../runtime/errors.ts';
import type { MonitordConfig } from './monitord-config.ts';
import { readSmall, readTemplate, readXmlSettings, type Settings } from './monitord-files.ts';

/** Where onemonitord is and how it wants to be told. */
export interface Monitord {
  readonly address: string;
  readonly port: number;
  readonly hostId: number;
  readonly key: KeyObject | undefined;
  readonly intervalMs: number;
}

/** Defaults of OpenNebula (contract 6.4). */
const DEFAULT_PORT = 4124;
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

function withoutEmpty(settings: Settings): Settings {
  return Object.fromEntries(Object.entries(settings).filter(([, value]) => value !== undefined && value !== ''));
}

function missing(what: string, file: string, key: string): StorageError {
  return new StorageError('bad_config', `${what}: ${file} does not say it; set monitord.${key} in agent.yaml`);
}

function whole(text: string | undefined, least: number): number | undefined {
  return text !== undefined && /^\d{1,9}$/u.test(text) && Number(text) >= least ? Number(text) : undefined;
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

async function publicKey(text: string | undefined, file: string | undefined): Promise<KeyObject | undefined> {
  const pem = file === undefined ? text : await readSmall(file);
  if (pem === undefined && file === undefined) return undefined;
  // oned's template keeps no line breaks.
  const [, kind, body = ''] = /-+BEGIN (RSA PUBLIC KEY|PUBLIC KEY)-+([^-]*)-+END/u.exec(pem ?? '') ?? [];
  try {
    if (kind === undefined) throw new StorageError('bad_config', 'it is not there or no PEM file');
    const key = createPublicKey(`-----BEGIN ${kind}-----\n${body.trim().replace(/\s+/gu, '\n')}\n-----END ${kind}-----\n`);
    if (key.asymmetricKeyType !== 'rsa') throw new StorageError('bad_config', `it is a key of type ${key.asymmetricKeyType}, not RSA`);
    return key;
  } catch (thrown) {
    const where = file ?? 'PUBKEY of onemonitord';
    throw new StorageError('bad_config', `${where}: cannot be used as public key: ${asStorageError(thrown).message}`, { cause: thrown });
  }
}

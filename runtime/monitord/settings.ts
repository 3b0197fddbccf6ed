import { constants, open } from 'node:fs/promises';
import { asStorageError, StorageError } from '../errors.ts';

/** What OpenNebula's files say, as text; of what they do not say nothing. */
export interface Settings {
  readonly address?: string | undefined;
  readonly port?: string | undefined;
  readonly publicKey?: string | undefined;
  readonly seconds?: string | undefined;
  readonly hostId?: string | undefined;
}

/** Where onemonitord listens unless it is told otherwise (contract 6.4). */
export const DEFAULT_PORT = 4124;

const MAX_FILE = 256 * 1024;

/** A small plain file, also of /proc; undefined: it is not there. Anybody may make files in /var/tmp: no link is followed and no pipe waited for. */
export async function readSmall(file: string): Promise<string | undefined> {
  try {
    const handle = await open(file, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK);
    try {
      if (!(await handle.stat()).isFile()) throw new StorageError('bad_config', `${file} is not a plain file`);
      const buffer = Buffer.alloc(MAX_FILE + 1);
      let length = 0;
      for (;;) {
        const { bytesRead } = await handle.read(buffer, length, buffer.length - length, length);
        length += bytesRead;
        if (length > MAX_FILE) throw new StorageError('bad_config', `${file} is larger than 256 KiB`);
        if (bytesRead === 0) return buffer.toString('utf8', 0, length);
      }
    } finally {
      await handle.close();
    }
  } catch (thrown) {
    const error = asStorageError(thrown, 'read what OpenNebula says of onemonitord');
    if (error.reason === 'not_found') return undefined;
    throw error;
  }
}

/** The configuration that oned gives to its probes: values in elements without attributes, of which six are of interest. */
export function readXmlSettings(xml: string): Settings {
  const network = inside(xml, 'NETWORK') ?? '';
  return {
    address: elementIn(network, 'MONITOR_ADDRESS'),
    port: elementIn(network, 'PORT'),
    publicKey: elementIn(network, 'PUBKEY'),
    seconds: elementIn(inside(xml, 'PROBES_PERIOD') ?? '', 'MONITOR_VM'),
    hostId: elementIn(xml, 'HOST_ID'),
  };
}

function inside(xml: string, name: string): string | undefined {
  const start = xml.indexOf(`<${name}>`);
  const end = xml.indexOf(`</${name}>`, start);
  return start < 0 || end < 0 ? undefined : xml.slice(start + name.length + 2, end);
}

function elementIn(xml: string, name: string): string | undefined {
  const text = inside(xml, name);
  const [, data] = /^\s*<!\[CDATA\[(.*?)\]\]>\s*$/su.exec(text ?? '') ?? [];
  return (data ?? text)?.trim();
}

/** monitord.conf: `NETWORK = [ MONITOR_ADDRESS = "…", PORT = 4124 ]`. */
export function readTemplate(text: string): Settings {
  const plain = text.replace(/^\s*#.*$/gmu, '');
  const section = (name: string): string => new RegExp(`\\b${name}\\s*=\\s*\\[([^\\]]*)\\]`, 'u').exec(plain)?.[1] ?? '';
  const value = (from: string, name: string): string | undefined => {
    const found = new RegExp(`\\b${name}\\s*=\\s*(?:"([^"]*)"|([^\\s,"]+))`, 'u').exec(from);
    return found?.[1] ?? found?.[2];
  };
  const network = section('NETWORK');
  return {
    address: value(network, 'MONITOR_ADDRESS'),
    port: value(network, 'PORT'),
    publicKey: value(network, 'PUBKEY'),
    seconds: value(section('PROBES_PERIOD'), 'MONITOR_VM'),
  };
}

/** An attribute without a value is as one that is not there. */
export function withoutEmpty(settings: Settings): Settings {
  return Object.fromEntries(Object.entries(settings).filter(([, value]) => value !== undefined && value !== ''));
}

/** A whole number from `least` on; undefined: it is none. */
export function whole(text: string | undefined, least: number): number | undefined {
  return text !== undefined && /^\d{1,9}$/u.test(text) && Number(text) >= least ? Number(text) : undefined;
}

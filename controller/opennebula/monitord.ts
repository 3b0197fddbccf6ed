import { publicKey } from '../../runtime/monitord/key.ts';
import { sendSizes } from '../../runtime/monitord/send.ts';
import { DEFAULT_PORT, readSmall, readTemplate, type Settings, whole, withoutEmpty } from '../../runtime/monitord/settings.ts';
import type { VmSizes } from '../../runtime/monitord/template.ts';
import type { ControllerConfig } from '../config.ts';

/** Of a shared datastore: no host, and no time, so that what the hosts have told does not make it old (contract 6.2). */
const NOBODY = { hostId: -1, epoch: 0 };
const MYSELF = '127.0.0.1';

/**
 * Tells onemonitord the sizes of disks in a shared datastore, from the front-end, as the stock drivers do (contract 6.2): where it listens says
 * controller.yaml, else the first file there is. Gives the ids of machines that fit into no datagram. Throws bad_config.
 */
export async function tellMonitord(
  vms: readonly VmSizes[],
  config: ControllerConfig['monitord'],
  signal: AbortSignal,
): Promise<readonly number[]> {
  const said = await settingsOf(config.conf);
  const address = config.address ?? (said.address === undefined || said.address === 'auto' ? MYSELF : said.address);
  // monitord.conf names the file of the key; what oned leaves for its probes holds the key itself.
  const file = config.public_key ?? (said.publicKey?.startsWith('/') === true ? said.publicKey : undefined);
  const key = await publicKey(said.publicKey, file);
  const port = config.port ?? whole(said.port, 1) ?? DEFAULT_PORT;
  const { left } = await sendSizes(vms, { address, port }, { ...NOBODY, key }, signal);
  return left;
}

async function settingsOf(files: readonly string[]): Promise<Settings> {
  for (const file of files) {
    const text = await readSmall(file);
    if (text !== undefined) return withoutEmpty(readTemplate(text));
  }
  return {};
}

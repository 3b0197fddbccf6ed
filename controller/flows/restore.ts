import { asStorageError, oneLine, StorageError } from '../../runtime/errors.ts';
import { disksOf, linksUpTo, mustBeWhole } from '../backups/chain.ts';
import { flatTemplate, type RestoredVm, restoredTemplate } from '../backups/restored-template.ts';
import { backupActionData } from '../opennebula/backup-data.ts';
import { required, yes } from '../opennebula/pick.ts';
import { MARK, type UserOrders } from '../opennebula/user-orders.ts';
import { readXml, type XmlElement } from '../opennebula/xml.ts';
import { backupOf, headOf, repositoryHost } from './backup-datastore.ts';
import type { Flow, FlowTools } from './flow.ts';

/** oned waits 180 s (contract 1.4): what cannot be finished before is taken back, or nobody would hear of what was made. */
const RESTORE_MS = 165_000;
const UNDO_MS = 60_000;
/** So often OpenNebula may name one more attribute that this user may not have. */
const MOST_WITHHELD = 40;

/** New images and a template of a backup, made through OpenNebula's API as the user who asked; the content comes later by ds/cp (contract 8). */
export const restore: Flow<'ds/restore'> = {
  class: 'image',
  run: async (_words, tools) => {
    const signal = AbortSignal.any([tools.signal, timeLimit()]);
    try {
      return await restoreAs(tools, signal);
    } catch (thrown) {
      tools.signal.throwIfAborted();
      signal.throwIfAborted();
      throw thrown;
    }
  },
  undo: async (_words, tools) => {
    const { options } = backupActionData(tools.input());
    const user = tools.actAs(required(options.get('USERNAME'), 'TEMPLATE/USERNAME'));
    const signal = AbortSignal.timeout(UNDO_MS);
    const mine = (one: { readonly mark: string | undefined }): boolean => one.mark === tools.key;
    for (const { id } of (await user.ownTemplates(signal)).filter(mine)) await user.deleteTemplate(id, signal);
    for (const { id, name } of (await user.ownImages(signal)).filter(mine)) {
      await user.deleteImage(id, signal);
      tools.log('info', `image ${id} (${oneLine(name)}), which this restore had made, is removed again`);
    }
  },
};

function timeLimit(): AbortSignal {
  const text = `not done in ${RESTORE_MS / 1000} s, and OpenNebula does not wait longer; what was made is removed again`;
  const limit = new AbortController();
  setTimeout(() => limit.abort(new StorageError('timeout', text)), RESTORE_MS).unref();
  return limit.signal;
}

async function restoreAs(tools: FlowTools, signal: AbortSignal): Promise<string> {
  const data = backupActionData(tools.input());
  const destination = required(data.destinationId, 'DESTINATION_DS_ID');
  const user = tools.actAs(required(data.options.get('USERNAME'), 'TEMPLATE/USERNAME'));
  const onlyDisk = numberOption(data.options, 'DISK_ID');
  const { image, repository } = await backupOf(data);
  const chain = linksUpTo(image, numberOption(data.options, 'INCREMENT_ID') ?? -1);
  const listing = await tools.listBackup(await repositoryHost(data.datastore, tools), repository, chain, {
    withDocument: onlyDisk === undefined,
  });
  mustBeWhole(image.id, listing);
  const disks = [...disksOf(listing)].filter(([id]) => onlyDisk === undefined || id === onlyDisk);
  if (disks.length === 0) {
    throw new StorageError('not_found', `backup ${image.id} has no disk${onlyDisk === undefined ? '' : ` ${onlyDisk}`}`);
  }
  const name = data.options.get('NAME') ?? `${image.vmId}-${chain.at(-1)?.backupId}`;
  const head = headOf(data.datastore, image, chain);
  const images = new Map<number, number>();
  for (const [id, { path }] of disks) {
    const template = flatTemplate({
      NAME: `${name}-disk-${id}`,
      TYPE: id === 0 ? 'OS' : 'DATABLOCK',
      PATH: `${head}${path}`,
      FROM_BACKUP_DS: String(data.datastore.id),
      ...(image.jobId === undefined ? {} : { BACKUP_JOB_ID: String(image.jobId) }),
      [MARK]: tools.key,
    });
    images.set(id, await tools.step(`image-${id}`, () => imageOf(user, tools, `${name}-disk-${id}`, template, destination, signal)));
  }
  const ids = [...images.values()].join(' ');
  if (onlyDisk !== undefined) return `-1 ${ids}`;
  if (listing.files.some(({ diskId }) => diskId === 'tpm'))
    tools.log('warn', 'the state of the TPM is not restored: the new VM gets a new one');
  const wanted = {
    name,
    images,
    noNic: yes(data.options.get('NO_NIC'), false),
    noIp: yes(data.options.get('NO_IP'), false),
  };
  const vm = readXml(listing.vmXml, `vm.xml of backup ${image.id}`);
  const template = await tools.step('template', () => templateOf(user, vm, wanted, tools, signal));
  return `${template} ${ids}`;
}

/** One that an interrupted run of this very call has made is taken for made. */
async function imageOf(
  user: UserOrders,
  tools: FlowTools,
  name: string,
  template: string,
  destination: number,
  signal: AbortSignal,
): Promise<number> {
  const made = tools.attempt === 1 ? undefined : (await user.ownImages(signal)).find((one) => one.mark === tools.key && one.name === name);
  return made?.id ?? (await user.allocateImage(template, destination, signal));
}

async function templateOf(
  user: UserOrders,
  vm: XmlElement,
  wanted: Omit<RestoredVm, 'withhold'>,
  tools: FlowTools,
  signal: AbortSignal,
): Promise<number> {
  const made = tools.attempt === 1 ? undefined : (await user.ownTemplates(signal)).find((one) => one.mark === tools.key);
  if (made !== undefined) return made.id;
  const withhold = new Set<string>();
  for (;;) {
    const { text, remarks } = restoredTemplate(vm, { ...wanted, withhold });
    try {
      const id = await user.allocateTemplate(text.replace('</TEMPLATE>', `<${MARK}>${tools.key}</${MARK}></TEMPLATE>`), signal);
      for (const remark of remarks) tools.log('info', remark);
      for (const name of withhold) tools.log('warn', `the new template is without ${name}, which this user may not set`);
      return id;
    } catch (thrown) {
      const restricted = /restricted attribute ([A-Z0-9_]+(?:\/[A-Z0-9_]+)?)/.exec(asStorageError(thrown).message)?.[1];
      if (restricted === undefined || withhold.has(restricted) || withhold.size >= MOST_WITHHELD) throw thrown;
      withhold.add(restricted);
    }
  }
}

function numberOption(options: ReadonlyMap<string, string>, name: string): number | undefined {
  const text = options.get(name);
  if (text === undefined || text === '') return undefined;
  if (/^-?[0-9]{1,9}$/.test(text)) return Number(text) < 0 ? undefined : Number(text);
  throw new StorageError('bad_document', `TEMPLATE/${name} is ${JSON.stringify(text.slice(0, 40))}, not a whole number`);
}

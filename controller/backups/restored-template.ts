import { child, numberOf, textOf } from '../opennebula/pick.ts';
import type { XmlElement } from '../opennebula/xml.ts';

/** What OpenNebula adds to a VM of its own, or finds anew when one is made: not part of a template (stock leaves out the same). */
const NIC = 'AR_ID BRIDGE BRIDGE_TYPE CLUSTER_ID NAME NETWORK_ID NIC_ID TARGET VLAN_ID VN_MAD VLAN_TAGGED_ID PHYDEV';
const ADDRESSES = 'IP IP6 IP6_ULA IP6_GLOBAL MAC';
const IMAGE_DISK =
  'ALLOW_ORPHANS CLONE CLONE_TARGET CLUSTER_ID DATASTORE DATASTORE_ID DISK_ID DISK_SNAPSHOT_TOTAL_SIZE DISK_TYPE DRIVER FORMAT IMAGE ' +
  'IMAGE_ID IMAGE_STATE IMAGE_UID IMAGE_UNAME LN_TARGET OPENNEBULA_MANAGED ORIGINAL_SIZE PERSISTENT PERSISTENT_SNAPSHOTS READONLY SAVE SIZE ' +
  'SOURCE TARGET TM_MAD TM_MAD_SYSTEM TYPE';
/** Of a disk that is made empty anew, what it shall be stays. */
const VOLATILE_KEEPS = new Set(['SIZE', 'TYPE', 'FORMAT', 'FS', 'DRIVER']);
const PCI = 'ADDRESS BUS DOMAIN FUNCTION NUMA_NODE PCI_ID SLOT VM_ADDRESS VM_BUS VM_DOMAIN VM_FUNCTION VM_SLOT SHORT_ADDRESS';

const set = (...lists: readonly string[]): ReadonlySet<string> => new Set(lists.flatMap((list) => list.split(' ')));

const OMITTED: Readonly<Record<string, ReadonlySet<string>>> = {
  NIC: set(NIC),
  NIC_ALIAS: set(NIC),
  GRAPHICS: set('PORT'),
  CONTEXT: set('DISK_ID'),
  NUMA_NODE: set('CPUS MEMORY_NODE_ID NODE_ID'),
  OS: set('UUID'),
  PCI: set(NIC, PCI),
};
const OMITTED_WHOLE = set(
  'AUTOMATIC_DS_REQUIREMENTS AUTOMATIC_NIC_REQUIREMENTS AUTOMATIC_REQUIREMENTS VMID TEMPLATE_ID TM_MAD_SYSTEM SECURITY_GROUP_RULE ERROR',
);
const CDROMS = ['CDROM', 'RBD_CDROM', 'FILESYSTEM'];

export interface RestoredVm {
  readonly name: string;
  /** Disk id → the image that was made of it. */
  readonly images: ReadonlyMap<number, number>;
  readonly noNic: boolean;
  readonly noIp: boolean;
  /** `NIC/MAC`, `PCI`: what OpenNebula does not let this user have. */
  readonly withhold: ReadonlySet<string>;
}

/** A template as text for OpenNebula, which takes XML wherever it takes its own form: nothing in it needs quotes. */
export interface TemplateText {
  readonly text: string;
  /** What is different in the new VM, a line each. */
  readonly remarks: readonly string[];
}

/** The template of a VM like the one that was backed up, with the restored disks. `vm`: its document in the backup. */
export function restoredTemplate(vm: XmlElement, restored: RestoredVm): TemplateText {
  const remarks: string[] = [];
  const attributes = [...(child(vm, 'TEMPLATE')?.children ?? []), ...(child(vm, 'USER_TEMPLATE')?.children ?? [])];
  const kept = attributes.flatMap((attribute) => {
    if (OMITTED_WHOLE.has(attribute.name) || attribute.name === 'NAME' || restored.withhold.has(attribute.name)) return [];
    if (attribute.name === 'DISK') return disk(attribute, restored, remarks);
    if (restored.noNic && (attribute.name === 'NIC' || attribute.name === 'NIC_ALIAS')) return [];
    return plain(attribute, restored);
  });
  return { text: templateText([{ name: 'NAME', text: restored.name, children: [] }, ...kept]), remarks };
}

function plain(attribute: XmlElement, { noIp, withhold }: RestoredVm): readonly XmlElement[] {
  if (attribute.children.length === 0) return [attribute];
  const { name } = attribute;
  const omitted = OMITTED[name];
  const isNic = name === 'NIC' || name === 'NIC_ALIAS';
  const children = attribute.children.filter(
    (one) =>
      omitted?.has(one.name) !== true &&
      !withhold.has(`${name}/${one.name}`) &&
      !(isNic && noIp && ADDRESSES.split(' ').includes(one.name)) &&
      !(name === 'CONTEXT' && /^(?:ETH|PCI)[0-9]/.test(one.name)),
  );
  return [{ ...attribute, children: isNic ? oneAddress(children) : children }];
}

/** OpenNebula takes one of them and finds the others itself. */
function oneAddress(children: readonly XmlElement[]): readonly XmlElement[] {
  const [first] = ['IP', 'IP6', 'MAC'].filter((name) => children.some((one) => one.name === name));
  return first === undefined ? children : children.filter((one) => one.name === first || !ADDRESSES.split(' ').includes(one.name));
}

function disk(element: XmlElement, { images, withhold }: RestoredVm, remarks: string[]): readonly XmlElement[] {
  const id = numberOf(element, 'DISK_ID');
  const type = textOf(element, 'TYPE')?.toUpperCase() ?? '';
  const image = id === undefined ? undefined : images.get(id);
  const omitted = set(IMAGE_DISK);
  const rest = (keeps: ReadonlySet<string>): readonly XmlElement[] =>
    element.children.filter((one) => (keeps.has(one.name) || !omitted.has(one.name)) && !withhold.has(`DISK/${one.name}`));
  if (image !== undefined) {
    return [{ ...element, children: [{ name: 'IMAGE_ID', text: String(image), children: [] }, ...rest(new Set())] }];
  }
  if (CDROMS.includes(type)) return [{ ...element, children: rest(new Set(['IMAGE_ID'])) }];
  if (type === 'FS' || type === 'SWAP') {
    remarks.push(`disk ${id} (${type.toLowerCase()}) is not in the backup: the new VM gets an empty one`);
    return [{ ...element, children: rest(VOLATILE_KEEPS) }];
  }
  remarks.push(`disk ${id} is not in the backup: the new VM is without it`);
  return [];
}

/** `<TEMPLATE>` without what is empty. */
function templateText(attributes: readonly XmlElement[]): string {
  return `<TEMPLATE>${attributes.map(text).join('')}</TEMPLATE>`;
}

/** Attributes of one word each, as of an image. */
export function flatTemplate(words: Readonly<Record<string, string>>): string {
  return templateText(Object.entries(words).map(([name, value]) => ({ name, text: value, children: [] })));
}

function text(element: XmlElement): string {
  const own = element.text.trim() === '' ? '' : escaped(element.text);
  const inner = element.children.length > 0 ? element.children.map(text).join('') : own;
  return inner === '' ? '' : `<${element.name}>${inner}</${element.name}>`;
}

/** Characters that XML does not have would make oned refuse the whole template; a VM's error text may hold them. */
function escaped(value: string): string {
  return value
    .replaceAll('&', '&amp;')
    .replaceAll('<', '&lt;')
    .replaceAll('>', '&gt;')
    .replaceAll('\r', '&#13;')
    .replace(/[^\P{Cc}\t\n\r]|\p{Noncharacter_Code_Point}/gu, '');
}

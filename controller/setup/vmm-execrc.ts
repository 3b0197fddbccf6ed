import { StorageError } from '../../runtime/errors.ts';
import type { DriverRow } from './driver-rows.ts';

/** As OpenNebula calls its hypervisors there: KVM, and qemu without it. */
const HYPERVISORS = ['kvm', 'qemu'];
const LINE = /^LIVE_DISK_SNAPSHOTS="([^"$`\\]*)"/gmu;
const ANY = /^[^#\n]*LIVE_DISK_SNAPSHOTS\s*=/gmu;

/**
 * vmm_execrc with our drivers in LIVE_DISK_SNAPSHOTS: one_vmm_exec refuses snapshots of running machines of drivers that are not in it
 * (contract 3.4). Throws bad_config when the line is not a plain one.
 */
export function addToVmmExecrc(text: string, drivers: readonly DriverRow[], file: string): string {
  return editList(text, file, (words) => {
    const wanted = drivers.filter(({ live }) => live).flatMap(({ name }) => HYPERVISORS.map((one) => `${one}-${name}`));
    return wanted.filter((word) => !words.includes(word));
  });
}

/** `kvm-agent_local` for each driver whose disks can be snapshot while the machine runs and that is not listed. Throws bad_config, as above. */
export function lacksLiveSnapshots(text: string, drivers: readonly DriverRow[], file: string): readonly string[] {
  const words = findList(text, file).value.split(/\s+/u);
  return drivers.flatMap(({ live, name }) => (live ? [`kvm-${name}`] : [])).filter((word) => !words.includes(word));
}

/** Without any driver of ours. */
export function removeFromVmmExecrc(text: string, drivers: readonly DriverRow[], file: string): string {
  const ours = drivers.flatMap(({ name }) => HYPERVISORS.map((one) => `${one}-${name}`));
  const { value, start } = findList(text, file);
  const left = value.replace(/(\s*)(\S+)/gu, (all, _space: string, word: string) => (ours.includes(word) ? '' : all));
  return text.slice(0, start) + left + text.slice(start + value.length);
}

function editList(text: string, file: string, missing: (words: readonly string[]) => readonly string[]): string {
  const { value, start } = findList(text, file);
  const words = value.split(/\s+/u).filter((word) => word !== '');
  const more = missing(words);
  const end = start + value.length;
  if (more.length === 0) return text;
  const space = words.length === 0 || /\s$/u.test(value) ? '' : ' ';
  return `${text.slice(0, end)}${space}${more.join(' ')}${text.slice(end)}`;
}

function findList(text: string, file: string): { readonly value: string; readonly start: number } {
  const [found, ...more] = [...text.matchAll(LINE)];
  if (found === undefined || more.length > 0 || [...text.matchAll(ANY)].length !== 1) {
    const line = 'LIVE_DISK_SNAPSHOTS="kvm-qcow2 …"';
    throw new StorageError('bad_config', `${file}: expected one line ${line}: add the drivers by hand; nothing was changed`);
  }
  return { value: found[1] ?? '', start: found.index + 'LIVE_DISK_SNAPSHOTS="'.length };
}

import { StorageError } from '../../runtime/errors.ts';
import type { ImageFormat } from './qemu-img.ts';
import type { ToolContext } from './run.ts';
import { type Domain, virsh } from './virsh.ts';

/** A disk of a domain that is a file. Those of the network, and drives without a medium, are none. */
export interface DomainDisk {
  /** `vda` */
  readonly target: string;
  /** As libvirt was given it: maybe a link, maybe with `//`. */
  readonly file: string;
  /** undefined: another one. */
  readonly format: ImageFormat | undefined;
  readonly readOnly: boolean;
  /** A block job copies it at this moment. */
  readonly mirrored: boolean;
}

/** Which files the domain has as disks, and which of them it writes to. Errors: not_found and the others of virsh. */
export async function domainDisks(domain: Domain, context: ToolContext): Promise<readonly DomainDisk[]> {
  const xml = await virsh(domain, ['dumpxml', domain.name], context);
  return (xml.match(/<disk [\s\S]*?<\/disk>/gu) ?? []).flatMap((text) => diskOf(text, domain));
}

function diskOf(text: string, { name }: Domain): readonly DomainDisk[] {
  const target = /<target dev='([^']+)'/u.exec(text)?.[1];
  // The first source is the disk's own; those of its layers and of a mirror come after it.
  const file = /<source [^>]*>/u.exec(text)?.[0].match(/ file='([^']*)'/u)?.[1];
  if (target === undefined || file === undefined) return [];
  if (file.includes('&'))
    throw new StorageError('unsupported', `domain ${name}: the file name of ${target} holds characters that XML escapes`);
  const format = /<driver [^>]*type='(raw|qcow2)'/u.exec(text)?.[1];
  const device = /^<disk [^>]*device='(\w+)'/u.exec(text)?.[1];
  return [
    {
      target,
      file,
      format: format === 'raw' || format === 'qcow2' ? format : undefined,
      readOnly: text.includes('<readonly/>') || device === 'cdrom',
      mirrored: text.includes('<mirror '),
    },
  ];
}

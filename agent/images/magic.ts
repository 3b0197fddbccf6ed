interface Signature {
  readonly format: string;
  /** Where in the file: from its start, or from the start of its last 512 bytes. */
  readonly at: number;
  readonly from: 'start' | 'tail';
  readonly bytes: Buffer;
  /** A disk that starts so holds no reference to another file: its content may be stored as raw. */
  readonly plain?: boolean;
}

function text(format: string, at: number, bytes: string, from: 'start' | 'tail' = 'start'): Signature {
  return { format, at, from, bytes: Buffer.from(bytes, 'latin1') };
}

/** Image formats a program might recognise in a file. ISO 9660, MBR and GPT are what a raw disk holds, so they are not here. */
const SIGNATURES: readonly Signature[] = [
  text('qcow2', 0, 'QFI\xfb'),
  text('QED', 0, 'QED\0'),
  text('VMDK', 0, 'KDMV'),
  text('VMDK', 0, 'COWD'),
  text('VMDK', 0, '# Disk DescriptorFile'),
  text('VDI', 0x40, '\x7f\x10\xda\xbe'),
  text('VHDX', 0, 'vhdxfile'),
  text('VHD', 0, 'conectix'),
  text('VHD', 0, 'conectix', 'tail'),
  text('Parallels', 0, 'WithoutFreeSpace'),
  text('Parallels', 0, 'WithouFreSpacExt'),
  text('Bochs', 0, 'Bochs Virtual HD Image'),
  text('cloop', 0, '#!/bin/sh\n#V2.0 Format'),
  text('DMG', 0, 'koly', 'tail'),
  { ...text('LUKS', 0, 'LUKS\xba\xbe'), plain: true },
];

/** qemu itself looks at less. */
const DESCRIPTOR_BYTES = 4096;

/** Length of the end of a file that is looked at: footers of VHD and DMG. */
export const TAIL_BYTES = 512;

/** The image formats whose signature a file carries. `head`: its start; `tail`: its last 512 bytes. */
export function signatures(head: Buffer, tail: Buffer): readonly { readonly format: string; readonly plain: boolean }[] {
  const found = SIGNATURES.filter(({ at, from, bytes }) => {
    const where = from === 'start' ? head : tail;
    return where.subarray(at, at + bytes.length).equals(bytes);
  });
  const names = new Map(found.map(({ format, plain }) => [format, plain === true]));
  if (isVmdkDescriptor(head)) names.set('VMDK', false);
  return [...names].map(([format, plain]) => ({ format, plain }));
}

/**
 * A VMDK may be a text that names the files with its data. qemu knows one by its first line that is neither a comment nor blank, wherever in
 * the first bytes it stands.
 */
function isVmdkDescriptor(head: Buffer): boolean {
  const lines = head.toString('latin1', 0, DESCRIPTOR_BYTES).split('\n');
  const first = lines.map((line) => line.replace(/\r$/, '')).find((line) => !line.startsWith('#') && !/^ +$/.test(line));
  return first !== undefined && /^version=[123]$/.test(first);
}

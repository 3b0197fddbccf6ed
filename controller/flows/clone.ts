import type { WordsOf } from '../../shims/words.ts';
import { diskIdOf, diskOf, formatOfDisk } from './disks.ts';
import type { Flow, FlowTools } from './flow.ts';

/** An image becomes a disk (contract 2.2, clone and ln). Both copy; what differs is who may grow it, and what happens at the end of the VM. */
async function imageToDisk(words: WordsOf<'tm/clone'>, tools: FlowTools, grow: boolean): Promise<string> {
  const target = tools.vmPlace(words.target.path, words.vmId);
  const source = tools.place(words.source.path);
  const host = tools.host(words.target.host);
  const sourceHost = tools.host(words.source.host);
  // A kernel or an initrd is not a disk of the VM: any content, nothing to ask.
  const { format, sizeBytes, preallocate } =
    diskIdOf(target.path) === undefined ? { format: '', sizeBytes: 0, preallocate: false } : await diskFacts(words, tools, grow);
  await tools.transfer(
    'receive',
    { host: sourceHost, place: source, format },
    { host, disk: { place: target, format, sizeBytes, preallocate, monitor: tools.monitor } },
  );
  return '';
}

async function diskFacts(
  words: WordsOf<'tm/clone'>,
  tools: FlowTools,
  grow: boolean,
): Promise<{ format: string; sizeBytes: number; preallocate: boolean }> {
  const vm = await tools.vm(words.vmId);
  const disk = diskOf(vm, words.target.path);
  const format = formatOfDisk(vm, disk);
  const larger = grow && format !== '' && disk.size !== undefined && disk.size > (disk.originalSize ?? disk.size);
  return { format, sizeBytes: larger ? (disk.size ?? 0) : 0, preallocate: !disk.sparse };
}

export const clone: Flow<'tm/clone'> = { class: 'deploy', run: (words, tools) => imageToDisk(words, tools, true) };
export const ln: Flow<'tm/ln'> = { class: 'deploy', run: (words, tools) => imageToDisk(words, tools, false) };

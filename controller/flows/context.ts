import { normalize } from 'node:path';
import type { ContextFile } from '../../proto/gen/onestorage/v1/ContextFile.ts';
import { asStorageError, StorageError } from '../../runtime/errors.ts';
import type { WordsOf } from '../../shims/words.ts';
import type { Flow, FlowTools, Leftover, PlaceTools } from './flow.ts';

/**
 * One word of the list (contract 2.2): `/path`, `/path:name`, `/path:'name'` (how oned writes FILES_DS), or a http(s) address. A path is
 * below the directory of VM files, or an image of a FILE datastore.
 */
function contextFile(word: string, tools: Pick<FlowTools, 'place' | 'vmFiles'>): ContextFile {
  if (/^https?:\/\//i.test(word)) return { url: word, target: '' };
  const colon = word.indexOf(':');
  const path = normalize(colon < 0 ? word : word.slice(0, colon));
  const target = colon < 0 ? '' : word.slice(colon + 1).replace(/^'(.*)'$/, '$1');
  if (/[/\0]/.test(target) || target === '..' || target === '.') {
    throw new StorageError('bad_argument', `the context file ${JSON.stringify(word)} has a name that is not one`);
  }
  const vmFiles = `${normalize(tools.vmFiles).replace(/\/+$/, '')}/`;
  if (path.startsWith(vmFiles)) return { vmFile: path.slice(vmFiles.length), target };
  try {
    return { place: tools.place(path), target };
  } catch (thrown) {
    if (asStorageError(thrown).reason !== 'outside_datastore') throw thrown;
    throw new StorageError(
      'restricted_path',
      `the context file ${path} is neither below ${vmFiles} nor in a datastore; register it in a FILE datastore`,
    );
  }
}

/** Own name: two refreshes of one VM must not meet. No directory for each VM: it would stay when the VM has gone. */
function workOf(words: WordsOf<'tm/context'>, tools: PlaceTools): Leftover {
  const { datastoreId } = tools.vmPlace(words.target.path, words.vmId);
  return { host: tools.host(undefined), place: { datastoreId, path: `.isofiles/${words.vmId}.${tools.key}.iso` } };
}

/** The context CD is made on the front-end, where its files are, and goes to the host from there. */
export const context: Flow<'tm/context'> = {
  class: 'deploy',
  leftovers: (words, tools) => [workOf(words, tools)],
  run: async (words, tools) => {
    const target = tools.vmPlace(words.target.path, words.vmId);
    const host = tools.host(words.target.host);
    const files = words.files.map((word) => contextFile(word, tools));
    const work = workOf(words, tools);
    await tools.run(work.host, 'build', 'Disks/CreateContext', { files, target: work.place });
    await tools.transfer(
      'receive',
      { ...work, format: '' },
      { host, disk: { place: target, format: '', sizeBytes: 0, preallocate: false, monitor: tools.monitor } },
    );
    await tools.run(work.host, 'clean', 'Disks/Remove', { target: work.place });
    return '';
  },
};

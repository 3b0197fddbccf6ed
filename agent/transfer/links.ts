import path from 'node:path';
import { StorageError } from '../../runtime/errors.ts';

/** Is `inner` the directory `outer` or below it? By the text of normal absolute paths. */
export function isInside(outer: string, inner: string): boolean {
  return inner === outer || inner.startsWith(`${outer}/`);
}

function refuse(at: string, text: string, where: string): never {
  throw new StorageError('outside_datastore', `${at} is a symbolic link to '${text}', outside of ${where}; nothing was copied`);
}

/** A link of a disk or an image must stay within the disk's own file and .snap directory. `at`: where the link stands, below `directory`. */
export function checkDiskLink(directory: string, name: string, at: string, text: string): void {
  const target = path.resolve(directory, path.dirname(at), text);
  const own = path.join(directory, name);
  if (path.isAbsolute(text) || (target !== own && !isInside(`${own}.snap`, target))) refuse(path.join(directory, at), text, 'the disk');
}

/** A link of a VM directory must stay within the datastores of this host: a persistent image's disk is a link into its datastore. */
export function checkDirectoryLink(datastores: string, directory: string, at: string, text: string): void {
  const target = path.resolve(directory, path.dirname(at), text);
  if (!isInside(datastores, target) || target === datastores) refuse(path.join(directory, at), text, 'the datastores');
}

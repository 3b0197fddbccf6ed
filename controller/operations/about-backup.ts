import { oneLine } from '../../runtime/errors.ts';
import { words as wordList } from '../opennebula/action-data.ts';
import { backupActionData } from '../opennebula/backup-data.ts';
import { numberOf } from '../opennebula/pick.ts';
import type { XmlElement } from '../opennebula/xml.ts';
import type { About } from './about.ts';

/** What a call on a backup datastore is about. Its images have no path, so their number is what is locked. */
export function aboutBackup(verb: string, root: XmlElement, id: unknown): About {
  const data = backupActionData(root);
  const image = data.image === undefined ? undefined : (numberOf(data.image, 'ID') ?? id);
  const changes = verb === 'rm' || verb === 'increment_flatten';
  const what = image === undefined ? `datastore ${data.datastore.id}` : `backup ${String(image)}`;
  const user = verb === 'restore' ? ` for ${data.options.get('USERNAME') ?? 'nobody'}` : '';
  return {
    subject: oneLine(`${verb} of ${what}${user}`),
    resources: changes ? [`backup:${String(image)}`] : [],
    targets: changes ? [`${data.datastore.id}/backup-${String(image)}`] : [],
    hosts: [...new Set(['', ...wordList(data.datastore.template.get('BRIDGE_LIST'))])],
  };
}

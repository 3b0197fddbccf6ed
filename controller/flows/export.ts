import { words as wordList } from '../opennebula/action-data.ts';
import { required } from '../opennebula/pick.ts';
import { formatOf } from '../opennebula/vm-document.ts';
import type { Flow } from './flow.ts';
import { bridgeOf, imageOf, sourceOf } from './images.ts';

function cdata(text: string): string {
  return `<![CDATA[${text.replaceAll(']]>', ']]]]><![CDATA[>')}]]>`;
}

/** Where a marketplace fetches the image, and what it is (contract 1.6). The marketplace driver knows paths, and ssh for a bridge. */
export const exportImage: Flow<'ds/export'> = {
  class: 'image',
  run: async (words, tools) => {
    const data = tools.document();
    const image = imageOf(data);
    const target = sourceOf(data, tools);
    const host = await bridgeOf(data.datastore, words.id, tools);
    const { md5, format } = await tools.run(host, 'describe', 'Images/Describe', { target, format: formatOf(image.format) ?? '' });
    const path = required(image.source, 'IMAGE/SOURCE');
    const source = wordList(data.datastore.template.get('BRIDGE_LIST')).length > 0 ? `ssh://${host.name}:${path}` : path;
    return [
      `<IMPORT_INFO><IMPORT_SOURCE>${cdata(source)}</IMPORT_SOURCE>`,
      `<MD5>${cdata(md5)}</MD5>`,
      `<SIZE>${cdata(String(required(image.sizeMb, 'IMAGE/SIZE')))}</SIZE>`,
      `<FORMAT>${cdata(format === '' ? (image.format ?? 'raw') : format)}</FORMAT>`,
      '<DISPOSE>NO</DISPOSE></IMPORT_INFO>',
    ].join('');
  },
};

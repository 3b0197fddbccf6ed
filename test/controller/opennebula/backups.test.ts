import { describe, expect, it } from 'vitest';
import { backupImagesIn, backupsIn } from '../../../controller/opennebula/backups.ts';
import { readXml } from '../../../controller/opennebula/xml.ts';
import { fixture } from '../fake-agents.ts';

const pool = (...images: readonly string[]) => backupImagesIn(readXml(`<IMAGE_POOL>${images.join('\n')}</IMAGE_POOL>`, 'a pool'));

/** A backup that a real OpenNebula has, of VM 0 in datastore 104. */
const recorded = await fixture('image-35.xml');
const backup = (regtime: number, vm: number, increments = '<BACKUP_INCREMENTS/>') =>
  recorded
    .replace('<REGTIME>1795377754<', `<REGTIME>${regtime}<`)
    .replace(/<VMS>.*?<\/VMS>/s, `<VMS><ID>${vm}</ID></VMS>`)
    .replace('<BACKUP_INCREMENTS/>', increments);

describe('the age of backups', () => {
  it('is told of each datastore', async () => {
    expect(backupsIn(pool(recorded, await fixture('image-16.xml')), new Set([0, 9]))).toEqual([
      { datastoreId: 104, count: 1, newest: 1_795_377_754, stalest: 1_795_377_754 },
    ]);
  });

  it('is that of the machine that waits longest; those that are gone do not count, increments do', () => {
    const increments =
      '<BACKUP_INCREMENTS><INCREMENT><DATE>100</DATE></INCREMENT><INCREMENT><DATE>900</DATE></INCREMENT></BACKUP_INCREMENTS>';
    const images = pool(backup(100, 1, increments), backup(500, 2), backup(700, 2), backup(50, 3));
    expect(backupsIn(images, new Set([1, 2]))).toEqual([{ datastoreId: 104, count: 4, newest: 900, stalest: 700 }]);
    expect(backupsIn(images, new Set())).toEqual([{ datastoreId: 104, count: 4, newest: 900, stalest: undefined }]);
  });
});

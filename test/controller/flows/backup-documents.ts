import type { ListBackupRequest } from '../../../proto/gen/onestorage/v1/ListBackupRequest.ts';
import type { ListBackupResponse__Output } from '../../../proto/gen/onestorage/v1/ListBackupResponse.ts';
import { MIB } from '../../../runtime/units.ts';
import { fixture } from '../fake-agents.ts';

/** Where the recorded machine's disks were staged. */
export const DIRECTORY = '/var/lib/one/datastores/103/2/backup';

/** A recorded document, changed. */
export async function input(name: string, change: (text: string) => string = (text) => text): Promise<string> {
  return change(await fixture(`${name}.action.xml`));
}

/** A repository that has all links of a chain but the given ones, and disks 0, 1 and 5. */
export function listing(lost: readonly number[] = [], vmXml = '<VM><ID>2</ID><TEMPLATE><MEMORY>48</MEMORY></TEMPLATE></VM>') {
  return ({ chain }: ListBackupRequest): ListBackupResponse__Output => ({
    files: ['0', '1', '5'].map((diskId) => ({
      diskId,
      path: `${DIRECTORY}/disk.${diskId}.2`,
      sizeBytes: 100,
      virtualSizeBytes: (diskId === '0' ? 320 : 64) * MIB,
      checksumKnown: true,
      format: 'raw',
      increments: [0],
    })),
    vmXml,
    increments: (chain?.increments ?? []).map(({ id = 0, backupId = '' }) => ({
      increment: { id, backupId },
      present: !lost.includes(id),
      createdUnixMs: 0,
      sizeBytes: 0,
      mergedInto: '',
    })),
  });
}

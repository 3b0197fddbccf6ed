import { afterEach, beforeEach, expect, it } from 'vitest';
import { asStorageError } from '../../../runtime/errors.ts';
import { type Bench, openBench } from '../call.ts';
import { fixture } from '../fake-agents.ts';

const DS = '/var/lib/one//datastores';
const WORDS = `node1:${DS}/107/9 0:1 one-9 - 9 107`;
const OK = { stdout: '', failure: undefined };
const NOTHING = { format: '', sizeBytes: 0, md5: '' };

let bench: Bench;
beforeEach(async () => {
  bench = await openBench({ bandwidth: { backup: 8 } });
});
afterEach(() => bench.close());

/** The recorded VM 9 with another backup configuration; raw, as one_vmm_exec gives it. */
async function vm9(config: Readonly<Record<string, string>>): Promise<string> {
  const xml = await fixture('vm-9.xml');
  const elements = Object.entries(config).map(([name, value]) => `<${name}><![CDATA[${value}]]></${name}>`);
  return xml.replace(/<BACKUPS>[\s\S]*<\/BACKUPS>/u, `<BACKUPS><BACKUP_CONFIG>${elements.join('')}</BACKUP_CONFIG><BACKUP_IDS/></BACKUPS>`);
}

it('stages a full backup, whatever the last increment was', async () => {
  const document = await vm9({ MODE: 'FULL', LAST_INCREMENT_ID: '4', FS_FREEZE: 'AGENT' });
  expect(await bench.call('tm/prebackup_live', WORDS, document, 'key-of-backup')).toEqual(OK);
  expect(bench.seen()).toEqual(['node1 Staging/Stage']);
  expect(bench.request('Staging/Stage')).toMatchObject({
    operation: { operationId: 'key-of-backup.stage', subject: 'prebackup_live of VM 9' },
    directory: { datastoreId: 107, path: '9' },
    domain: 'one-9',
    vmId: 9,
    incrementId: 0,
    tracking: 'none',
    quiet: 'agent',
    document: document.trim(),
    tpm: false,
    bytesPerSecond: 8 * 1024 * 1024,
  });
});

it.each([
  ['CBT', '-1', 0],
  ['CBT', '2', 3],
  ['SNAPSHOT', '0', 1],
])('stages an increment by %s after %s', async (mode, last, incrementId) => {
  const document = await vm9({ MODE: 'INCREMENT', INCREMENT_MODE: mode, LAST_INCREMENT_ID: last });
  expect(await bench.call('tm/prebackup', WORDS, document)).toEqual(OK);
  expect(bench.request('Staging/Stage')).toMatchObject({ domain: '', incrementId, tracking: 'bitmap', quiet: 'none' });
});

const datastore = (dsMad: string, template: string): string =>
  `<DATASTORE><ID>105</ID><TYPE>3</TYPE><DS_MAD>${dsMad}</DS_MAD><BASE_PATH>/x/105</BASE_PATH><TEMPLATE>${template}</TEMPLATE></DATASTORE>`;

it.each([
  ['agent_restic', '<RESTIC_BWLIMIT>100</RESTIC_BWLIMIT><RESTIC_CPU_QUOTA>50</RESTIC_CPU_QUOTA>', 102_400, { cpuPercent: 50 }],
  ['rsync', '<RSYNC_NICE>7</RSYNC_NICE><RSYNC_BWLIMIT>9000</RSYNC_BWLIMIT>', 8 * 1024 * 1024, { nice: 7 }],
  ['interactive', '<INTERACTIVE_MAX_RIOPS>20</INTERACTIVE_MAX_RIOPS>', 8 * 1024 * 1024, { readOperationsPerSecond: 20 }],
])(
  'stages within the limits of the backup datastore, of %s, and the smaller bandwidth',
  async (dsMad, template, bytesPerSecond, limits) => {
    bench.openNebula.datastores.set(105, datastore(dsMad, template));
    expect(await bench.call('tm/prebackup', WORDS, await vm9({ MODE: 'FULL', LAST_DATASTORE_ID: '105' }))).toEqual(OK);
    expect(bench.request('Staging/Stage')).toMatchObject({ bytesPerSecond, limits });
  },
);

it('stages without the limits of a datastore that is gone, and not with a limit that nobody can read', async () => {
  const document = await vm9({ MODE: 'FULL', LAST_DATASTORE_ID: '105' });
  expect(await bench.call('tm/prebackup', WORDS, document)).toEqual(OK);
  expect(bench.lines.join()).toMatch(/warn VM 9 is staged without the limits of datastore 105: /);
  bench.openNebula.datastores.set(105, datastore('rsync', '<RSYNC_NICE>low</RSYNC_NICE>'));
  expect((await bench.call('tm/prebackup', WORDS, document)).failure?.message).toMatch(
    /^prebackup: RSYNC_NICE of datastore 105 is "low"; expe/,
  );
  expect(bench.seen()).toEqual(['node1 Staging/Stage']);
});

it('says in one line what it does not understand', async () => {
  const failure = async (config: Readonly<Record<string, string>>, words = WORDS) =>
    (await bench.call('tm/prebackup', words, await vm9(config))).failure?.message;
  expect(await failure({ MODE: 'WEEKLY' })).toMatch(/^prebackup: MODE of the backups of VM 9 is "WEEKLY"; FULL and INCREMENT are known/);
  expect(await failure({ MODE: 'INCREMENT', INCREMENT_MODE: 'X' })).toMatch(
    /^prebackup: INCREMENT_MODE of the backups of VM 9 is "X"; CBT/,
  );
  expect(await failure({}, `node1:${DS}/107/9 0:77 one-9 - 9 107`)).toMatch(/^prebackup: VM 9 has no disk 77/);
  expect(await failure({}, `node1:${DS}/107/10 0 one-10 - 10 107`)).toMatch(
    /^prebackup: standard input is about VM 9, the words about VM 10/,
  );
  expect((await bench.call('tm/prebackup', WORDS, '')).failure?.message).toMatch(/^prebackup: standard input is empty/);
  expect(bench.seen()).toEqual([]);
});

it('removes what was staged', async () => {
  expect(await bench.call('tm/postbackup_live', WORDS, await vm9({ MODE: 'FULL' }))).toEqual(OK);
  expect(bench.seen()).toEqual(['node1 Staging/Discard']);
  expect(bench.request('Staging/Discard')).toMatchObject({ directory: { datastoreId: 107, path: '9' }, domain: 'one-9', vmId: 9 });
});

it.each(['', '<VM><ID>9</ID></VM>'])('cancels the backup of a VM, and waits until the agent has stopped', async (stdin) => {
  const begun = Promise.withResolvers<void>();
  bench.agents.behave = async ({ method }, signal) => {
    if (method !== 'Staging/Stage') return NOTHING;
    begun.resolve();
    return await new Promise<never>((_, reject) => signal.addEventListener('abort', () => reject(asStorageError(signal.reason))));
  };
  const staging = bench.call('tm/prebackup_live', WORDS, await vm9({ MODE: 'FULL' }));
  await begun.promise;
  // Another VM's is none of its business.
  expect(await bench.call('ds/backup_cancel', `node1:${DS}/107/10 one-10`, stdin)).toEqual(OK);
  expect(bench.lines.at(-1)).toBe('info no backup was under way');
  expect(await bench.call('ds/backup_cancel', `node1:${DS}/107/9 one-9`, stdin)).toEqual(OK);
  expect(bench.lines.at(-1)).toBe('info cancelled prebackup_live of VM 9');
  expect(bench.seen()).toEqual(['node1 Staging/Stage', 'node1 Operations/Cancel']);
  expect((await staging).failure).toEqual({ reason: 'cancelled', message: 'prebackup_live: the backup was cancelled' });
  expect(await bench.call('ds/backup_cancel', `node1:${DS}/107/9 one-9`, stdin)).toEqual(OK);
});

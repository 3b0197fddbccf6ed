import { XMLParser } from 'fast-xml-parser';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { StorageError } from '../../../runtime/errors.ts';
import { MIB } from '../../../runtime/units.ts';
import { type Bench, openBench } from '../call.ts';
import { base64, fixture } from '../fake-agents.ts';

let bench: Bench;
beforeEach(async () => {
  bench = await openBench();
});
afterEach(() => bench.close());

const BASE = '/var/lib/one//datastores/106';
const stdin = async (name: string, change: (text: string) => string = (text) => text): Promise<string> =>
  base64(change(await fixture(`${name}.action.xml`)));
const template = (words: string) => (text: string) => text.replace('<SAFE_DIRS>', `${words}<SAFE_DIRS>`);
const path = (value: string) => (text: string) => text.replace('/var/tmp/one-images/os256.qcow2', value);

describe('cp', () => {
  it('imports, and prints the source as oned writes paths', async () => {
    bench.agents.behave = () => ({ format: 'qcow2', sizeBytes: 1, md5: '' });
    const first = await bench.call('ds/cp', '45', await stdin('cp'), 'key-one-0001');
    expect(first.failure).toBeUndefined();
    expect(first.stdout).toMatch(/^\/var\/lib\/one\/\/datastores\/106\/[0-9a-f]{32} qcow2$/);
    expect(bench.seen()).toEqual(['frontend Images/Import']);
    const name = first.stdout.slice(BASE.length + 1, BASE.length + 33);
    expect(bench.request('Images/Import')).toMatchObject({
      origin: {
        path: '/var/tmp/one-images/os256.qcow2',
        safeDirs: ['/var/tmp'],
        restrictedDirs: [],
        noDecompress: false,
        bytesPerSecond: 0,
      },
      target: { datastoreId: 106, path: name },
      checksums: [],
      convertTo: '',
      opaque: false,
      preallocate: false,
    });
    expect(await bench.call('ds/cp', '45', await stdin('cp'), 'key-one-0001')).toEqual(first);
    expect((await bench.call('ds/cp', '45', await stdin('cp'), 'key-two-0002')).stdout).not.toBe(first.stdout);
  });

  it('reads the attributes of the datastore and the image', async () => {
    const words =
      '<RESTRICTED_DIRS>/ /srv</RESTRICTED_DIRS><NO_DECOMPRESS>yes</NO_DECOMPRESS><LIMIT_TRANSFER_BW>10M</LIMIT_TRANSFER_BW><DRIVER>qcow2</DRIVER><SPARSE>NO</SPARSE>';
    const change = (text: string): string => template(words)(text).replace('<DEV_PREFIX>', `<MD5>${'A'.repeat(32)}</MD5><DEV_PREFIX>`);
    await bench.call('ds/cp', '45', await stdin('cp', change));
    expect(bench.request('Images/Import')).toMatchObject({
      origin: { safeDirs: ['/var/tmp'], restrictedDirs: ['/', '/srv'], noDecompress: true, bytesPerSecond: 10 * MIB },
      checksums: [{ algorithm: 'md5', hex: 'A'.repeat(32) }],
      convertTo: 'qcow2',
      preallocate: true,
    });
  });

  it('neither converts nor decompresses files; a CDROM is opaque; CONVERT=no counts', async () => {
    const driver = template('<DRIVER>qcow2</DRIVER>');
    const seen: unknown[] = [];
    for (const change of [
      (text: string) =>
        text.replace(
          '<TYPE>0</TYPE><DISK_TYPE>0</DISK_TYPE><STATE>0</STATE><CLUSTERS>',
          '<TYPE>2</TYPE><DISK_TYPE>0</DISK_TYPE><STATE>0</STATE><CLUSTERS>',
        ),
      (text: string) => text.replace('<TYPE>0</TYPE>', '<TYPE>1</TYPE>'),
      template('<CONVERT>no</CONVERT>'),
    ]) {
      bench.agents.calls.length = 0;
      await bench.call('ds/cp', '45', await stdin('cp', (text) => change(driver(text))));
      const { opaque, convertTo, origin } = bench.request('Images/Import');
      seen.push([opaque, convertTo, (origin as { noDecompress: boolean }).noDecompress]);
    }
    expect(seen).toEqual([
      [true, '', true],
      [true, '', false],
      [false, '', false],
    ]);
  });

  it('takes S3 keys from the marketplace, and forgets them', async () => {
    const keys =
      '<MARKETPLACE><TEMPLATE><ACCESS_KEY_ID>id</ACCESS_KEY_ID><SECRET_ACCESS_KEY>s3cret</SECRET_ACCESS_KEY><REGION>eu</REGION></TEMPLATE></MARKETPLACE>';
    const change = (text: string): string => path('s3://bucket/object')(text).replace('</DS_DRIVER', `${keys}</DS_DRIVER`);
    expect((await bench.call('ds/cp', '45', await stdin('cp', change), 'key-of-s3')).failure).toBeUndefined();
    expect(bench.request('Images/Import')['origin']).toMatchObject({
      s3: { accessKeyId: 'id', secretAccessKey: 's3cret', region: 'eu', endpoint: '' },
    });
    expect((await bench.call('ds/cp', '45', await stdin('cp', path('s3://bucket/object')))).failure).toMatchObject({
      reason: 'bad_document',
    });
  });

  it.each([
    ['<LIMIT_TRANSFER_BW>fast</LIMIT_TRANSFER_BW>', 'LIMIT_TRANSFER_BW of datastore 106'],
    ['<LIMIT_TRANSFER_BW>0</LIMIT_TRANSFER_BW>', 'LIMIT_TRANSFER_BW of datastore 106'],
  ])('refuses %s', async (words, text) => {
    expect((await bench.call('ds/cp', '45', await stdin('cp', template(words)))).failure?.message).toContain(text);
  });

  it('goes to a bridge: image id mod their number, then the next that answers', async () => {
    const bridges = (text: string): string => path('https://example.org/os.qcow2')(template('<BRIDGE_LIST>b0 b1 b2</BRIDGE_LIST>')(text));
    await bench.call('ds/cp', '46', await stdin('cp', bridges));
    expect(bench.seen()).toEqual(['b1 Images/Import']);
    const { machineId } = bench.agents;
    bench.agents.machineId = (host) => (host.name === 'b1' ? Promise.reject(new Error('down')) : machineId(host));
    await bench.call('ds/cp', '46', await stdin('cp', bridges));
    expect(bench.seen()).toEqual(['b1 Images/Import', 'b2 Images/Import']);
    bench.agents.machineId = () => Promise.reject(new Error('down'));
    expect((await bench.call('ds/cp', '46', await stdin('cp', bridges))).failure).toMatchObject({
      reason: 'unreachable',
      message: expect.stringContaining('none of the bridges b0, b1, b2'),
    });
  });
});

describe('cp of a file, for a bridge', () => {
  const bridged = template('<BRIDGE_LIST>b1</BRIDGE_LIST><SPARSE>NO</SPARSE><STAGING_DIR>/bridge/only</STAGING_DIR>');
  const staged = expect.objectContaining({ path: expect.stringMatching(/^\.onestorage\.key-of-cp\.import\.[0-9a-f]{32}$/) });

  it('reads it on the front-end, where users put it, and sends it on', async () => {
    bench.agents.behave = () => ({ format: 'qcow2', sizeBytes: 1, md5: '' });
    const { stdout } = await bench.call('ds/cp', '46', await stdin('cp', bridged), 'key-of-cp');
    expect(stdout).toMatch(/^\/var\/lib\/one\/\/datastores\/106\/[0-9a-f]{32} qcow2$/);
    expect(bench.seen()).toEqual(['frontend Images/Import', 'frontend Transfers/Open', 'b1 Transfers/Receive', 'frontend Images/Remove']);
    expect(bench.request('Images/Import')).toMatchObject({ target: staged, stagingDir: '' });
    const place = { datastoreId: 106, path: stdout.slice(BASE.length + 1, BASE.length + 33) };
    expect(bench.request('Transfers/Receive')['image']).toEqual({ place, format: 'qcow2', withSnapshots: false, preallocate: true });
    expect(bench.request('Images/Remove')).toMatchObject({ target: staged });
    expect((await bench.call('ds/stat', '46', await stdin('cp', bridged))).stdout).toBe('257');
    expect(bench.seen().at(-1)).toBe('frontend Images/StatOrigin');
  });

  it('leaves nothing on the front-end when the bridge fails', async () => {
    bench.agents.behave = ({ method }) => {
      if (method === 'Transfers/Receive') throw new StorageError('no_space', 'full');
      return { format: 'raw', sizeBytes: 1, md5: '' };
    };
    expect((await bench.call('ds/cp', '46', await stdin('cp', bridged), 'key-of-cp')).failure?.reason).toBe('no_space');
    expect(bench.seen().at(-1)).toBe('frontend Disks/Remove');
    expect(bench.request('Disks/Remove')).toMatchObject({ target: staged });
  });

  it('is a plain import when the front-end is the bridge', async () => {
    bench.agents.machines.set('b1', 'machine-of-frontend');
    await bench.call('ds/cp', '46', await stdin('cp', bridged));
    expect(bench.seen()).toEqual(['b1 Images/Import']);
  });
});

describe('the other image actions', () => {
  it('stat rounds up; monitor never promises what is not there', async () => {
    expect((await bench.call('ds/stat', '0', await stdin('stat'))).stdout).toBe('257');
    expect(bench.request('Images/StatOrigin')).toMatchObject({ opaque: false });
    bench.agents.calls.length = 0;
    const file = (text: string): string => text.replace(/(<BASE_PATH>.*?<\/BASE_PATH>)<TYPE>0</, '$1<TYPE>2<');
    await bench.call('ds/stat', '0', await stdin('stat', file));
    expect(bench.request('Images/StatOrigin')).toMatchObject({ opaque: true, origin: { noDecompress: true } });
    expect((await bench.call('ds/monitor', '106', await stdin('monitor'))).stdout).toBe('USED_MB=5 TOTAL_MB=10 FREE_MB=5');
    expect((await bench.call('tm/monitor', '107', '')).stdout).toBe('USED_MB=5 TOTAL_MB=10 FREE_MB=5');
    expect(bench.operations.list({ all: true, limit: 10 })).toEqual([]);
  });

  it('mkfs makes a file, but for save_as only a name', async () => {
    expect(
      (await bench.call('ds/mkfs', '47', await stdin('mkfs', (text) => text.replace(/<FORMAT>.*?<\/FORMAT>/, '<FORMAT>save_as</FORMAT>'))))
        .stdout,
    ).toMatch(/\/106\/[0-9a-f]{32}$/);
    expect(bench.seen()).toEqual([]);
    const change = (text: string): string =>
      text
        .replace(/<FORMAT>.*?<\/FORMAT>/, '<FORMAT>raw</FORMAT>')
        .replace(/<FS>.*?<\/FS>/, '<FS>ext4</FS>')
        .replace(/<SIZE>.*?<\/SIZE>/, '<SIZE>64</SIZE>');
    expect((await bench.call('ds/mkfs', '47', await stdin('mkfs', change))).stdout).toMatch(/\/106\/[0-9a-f]{32}$/);
    expect(bench.request('Images/Create')).toMatchObject({ sizeBytes: 64 * MIB, format: 'raw', fileSystem: 'ext4', preallocate: false });
    bench.agents.calls.length = 0;
    await bench.call('ds/mkfs', '47', await stdin('mkfs', (text) => change(text).replace('<FORMAT>raw<', '<FORMAT>swap<')));
    expect(bench.request('Images/Create')).toMatchObject({ format: 'raw', fileSystem: 'swap' });
  });

  it('clone copies beside it, or between bridges', async () => {
    bench.agents.behave = () => ({ format: 'raw', sizeBytes: 1, md5: '' });
    expect((await bench.call('ds/clone', '8', await stdin('clone'))).stdout).toMatch(
      /^\/var\/lib\/one\/\/datastores\/100\/[0-9a-f]{32} raw$/,
    );
    expect(bench.request('Images/Copy')).toMatchObject({
      source: { datastoreId: 100, path: 'adfea0ec878e26857018c800ee72a0ed' },
      // As the record says, whatever a guest has written into the image.
      sourceFormat: 'raw',
      convertTo: '',
    });
    bench.agents.calls.length = 0;
    const far = (text: string): string => text.replace('</DS_DRIVER', '<SOURCE_BRIDGE_LIST>b1</SOURCE_BRIDGE_LIST></DS_DRIVER');
    expect((await bench.call('ds/clone', '8', await stdin('clone', far))).stdout).toMatch(/ raw$/);
    expect(bench.seen()).toEqual(['b1 Transfers/Open', 'frontend Transfers/Receive']);
    const converted = (text: string): string => template('<DRIVER>qcow2</DRIVER><SPARSE>NO</SPARSE>')(far(text));
    bench.agents.calls.length = 0;
    expect((await bench.call('ds/clone', '8', await stdin('clone', converted))).stdout).toMatch(/ qcow2$/);
    expect(bench.request('Transfers/Open')).toMatchObject({ format: 'raw', flat: true });
    expect(bench.request('Transfers/Receive')['image']).toMatchObject({ format: 'qcow2', preallocate: true });
  });

  it('rm stays inside the datastore; an image without a file is gone already', async () => {
    expect(await bench.call('ds/rm', '8', await stdin('rm'))).toEqual({ stdout: '', failure: undefined });
    expect(bench.request('Images/Remove')['target']).toMatchObject({ datastoreId: 100 });
    expect(await bench.call('ds/rm', '8', await stdin('rm', (text) => text.replace(/<SOURCE>.*?<\/SOURCE>/, '<SOURCE/>')))).toEqual({
      stdout: '',
      failure: undefined,
    });
    for (const source of [
      '/var/lib/one/datastores/101/x',
      '/var/lib/one/datastores/100/x/y',
      '/etc/passwd',
      '/var/lib/one/datastores/100',
    ]) {
      const change = (text: string): string => text.replace(/<SOURCE>.*?<\/SOURCE>/, `<SOURCE>${source}</SOURCE>`);
      expect((await bench.call('ds/rm', '8', await stdin('rm', change))).failure?.reason).toBe('outside_datastore');
    }
    expect(bench.seen()).toEqual(['frontend Images/Remove']);
  });

  it('export says what stock says', async () => {
    bench.agents.behave = () => ({ format: 'raw', sizeBytes: 1, md5: '1e087ee882d2f52f2c4857596ca54a3f' });
    const { stdout } = await bench.call('ds/export', '1', await stdin('export'));
    expect(bench.request('Images/Describe')).toMatchObject({ format: 'raw' });
    expect(new XMLParser({ parseTagValue: false }).parse(stdout)).toEqual({
      IMPORT_INFO: {
        IMPORT_SOURCE: '/var/lib/one//datastores/100/adfea0ec878e26857018c800ee72a0ed',
        MD5: '1e087ee882d2f52f2c4857596ca54a3f',
        SIZE: '64',
        FORMAT: 'raw',
        DISPOSE: 'NO',
      },
    });
  });

  it.each([
    ['ds/snap_delete', 'Snapshots/Delete'],
    ['ds/snap_revert', 'Snapshots/Revert'],
    ['ds/snap_flatten', 'Snapshots/Flatten'],
  ] as const)('%s', async (action, method) => {
    await bench.call(action, '27', await stdin('snap_delete'));
    expect(bench.request(method)).toMatchObject({
      disk: { datastoreId: 102, path: 'ee2582e1ec2cc94e1f657c008741912a' },
      snapshotId: 2,
      format: 'qcow2',
    });
  });

  it('refuses a document that is none', async () => {
    expect((await bench.call('ds/cp', '45', 'garbage!')).failure).toMatchObject({
      reason: 'bad_document',
      message: expect.stringMatching(/^cp: standard input is not base64/),
    });
    expect((await bench.call('ds/cp', '45', base64('<VM/>'))).failure?.reason).toBe('bad_document');
    expect((await bench.call('ds/rm', '8', '')).failure?.message).toContain('standard input is empty');
  });
});

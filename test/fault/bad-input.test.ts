import { mkdir, symlink, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { afterAll, beforeAll, describe, it } from 'vitest';
import { addVm, imageDisk, volatileDisk } from '../lab/models.ts';
import { imageActionDocument } from '../lab/opennebula/documents.ts';
import { runShim } from '../lab/opennebula/mad.ts';
import { tool } from '../lab/tools.ts';
import { type FaultSite, startFaultSite } from './fault-site.ts';

/** Every kind of bad input through the real shims: refused in the line that stands here, nothing changed on any host. */

let site: FaultSite;
let files: string;

beforeAll(async () => {
  site = await startFaultSite({ controllerOptions: { hosts_only: true } });
  files = path.join(site.cluster.site.directory, 'files');
  await mkdir(files);
  site.one.model.datastores.set(106, { ...site.datastore, template: { SAFE_DIRS: files } });
  await makeEvilThings();
});

afterAll(async () => {
  await site?.stop();
});

/** VM 9 has a disk; links lead out of its directory and out of the datastore. */
async function makeEvilThings(): Promise<void> {
  const disks = [imageDisk({ id: 0, source: '' }), imageDisk({ id: 1, source: '' }), volatileDisk({ id: 2, kind: 'fs' })];
  disks.push(imageDisk({ id: 3, source: '', format: 'qcow2' }));
  for (const id of [9, 10]) addVm(site.one.model, { id, disks, host: 'host01' });
  const vm9 = site.file('host01', '107', '9');
  await mkdir(vm9, { recursive: true });
  await writeFile(path.join(vm9, 'disk.0'), Buffer.alloc(1 << 20));
  await symlink('/etc', path.join(vm9, 'out'));
  await symlink(files, site.file('host01', '107', '10'));
  await symlink('/etc/passwd', site.file('frontend', '106', 'leads-out'));
  const evil = site.file('frontend', '106', 'evil');
  await tool('qemu-img', 'create', '-q', '-u', '-f', 'qcow2', '-b', '/etc/passwd', '-F', 'raw', evil, '4M');
  await writeFile(path.join(files, 'secret'), 'a secret');
}

/** A line of a transfer script: the driver, and LOC for where oned says datastores are. */
type Line = readonly [what: string, script: string, line: RegExp];

const CLONE = 'frontend:LOC/106/image';

const LINES: readonly Line[] = [
  [
    'too few words',
    `CLONE agent_local ${CLONE} host01:LOC/107/9/disk.1 9`,
    /^clone: expected 4 words \(source target vm_id datastore_id\), got 3$/,
  ],
  [
    'too many words',
    'DELETE agent_local host01:LOC/107/9/disk.0 9 107 9',
    /^delete: expected 3 words \(target vm_id datastore_id\), got 4$/,
  ],
  ['no words', 'MKIMAGE agent_local', /^mkimage: expected 5 words \(.*\), got 0$/],
  [
    'an unknown host',
    'DELETE agent_local host77:LOC/107/9/disk.0 9 107',
    /^delete: the host host77 is not in hosts of controller\.yaml.*\(add the host to hosts in controller\.yaml\)$/,
  ],
  ['a target without host', 'DELETE agent_local LOC/107/9/disk.0 9 107', /^delete: target is "\/.*"; expected host:\/path$/],
  ['..', 'DELETE agent_local host01:LOC/107/9/../8/disk.0 9 107', /^delete: .*'?\.\.'?.*\(give a path below a datastore\)$/],
  [
    '.. out of the datastores',
    'DELETE agent_local host01:LOC/107/../../../etc/passwd 9 107',
    /^delete: .*\.\..*\(give a path below a datastore\)$/,
  ],
  [
    'an absolute path elsewhere',
    'DELETE agent_local host01:/etc/passwd 9 107',
    /^delete: .*\/etc\/passwd.*\(give a path below a datastore\)$/,
  ],
  ['the datastore itself', 'DELETE agent_local host01:LOC/107 9 107', /^delete: .*\(give a path below a datastore\)$/],
  [
    'the directory of another VM',
    'DELETE agent_local host01:LOC/107/8 9 107',
    /^delete: the path .*\/107\/8 is not in the directory of VM 9$/,
  ],
  [
    'a link out of the VM directory',
    'DELETE agent_local host01:LOC/107/9/out/passwd 9 107',
    /^delete: .*link.*\(give a path below a datastore\)$/,
  ],
  [
    'a VM directory that is a link',
    'MKIMAGE agent_local 8 raw host01:LOC/107/10/disk.0 10 107',
    /^mkimage: .*link.*\(give a path below a datastore\)$/,
  ],
  [
    'an image that leads out',
    'CLONE agent_local frontend:LOC/106/leads-out host01:LOC/107/9/disk.1 9 106',
    /^clone: .*leads-out is a symbolic link to '\/etc\/passwd'.*\(on frontend; /,
  ],
  [
    'an image with a foreign backing file',
    'CLONE agent_local frontend:LOC/106/evil host01:LOC/107/9/disk.3 9 106',
    /^clone: evil: qcow2 image refers to another file \('\/etc\/passwd'\) \(on host01; /,
  ],
  [
    'an image elsewhere',
    'CLONE agent_local frontend:/etc/passwd host01:LOC/107/9/disk.1 9 106',
    /^clone: .*\/etc\/passwd.*\(give a path below a datastore\)$/,
  ],
  [
    'an image that is not there',
    'CLONE agent_local frontend:LOC/106/none host01:LOC/107/9/disk.1 9 106',
    /^clone: 'none' does not exist in datastore 106 on frontend$/,
  ],
  ['a size that is no number', 'MKIMAGE agent_local 8M raw host01:LOC/107/9/disk.1 9 107', /^mkimage: size_mb is "8M"; expected /],
  ['a size of zero', 'MKIMAGE agent_local 0 raw host01:LOC/107/9/disk.1 9 107', /^mkimage: size_mb is "0"; expected /],
  ['a negative size', 'MKSWAP agent_local -5 host01:LOC/107/9/disk.1 9 107', /^mkswap: size_mb is "-5"; expected /],
  ['a size with an exponent', 'RESIZE agent_local host01:LOC/107/9/disk.0 1e3 9 107', /^resize: size_mb is "1e3"; expected /],
  ['a format nobody knows', 'MKIMAGE agent_local 8 vmdk host01:LOC/107/9/disk.1 9 107', /^mkimage: format is "vmdk"; expected /],
  ['a VM that is no number', 'DELETE agent_local host01:LOC/107/9/disk.0 nine 107', /^delete: vm_id is "nine"; expected /],
  ['words of a shell', 'DELETE agent_local host01:LOC/107/9/disk.0;reboot $(id) 107', /^delete: vm_id is "\$\(id\)"; expected /],
  [
    'a snapshot that is no number',
    'SNAP_CREATE agent_local host01:LOC/107/9/disk.0 x 9 107',
    /^snap_create: snapshot_id is "x"; expected /,
  ],
  [
    'a VM that OpenNebula does not know',
    'SNAP_CREATE agent_local host01:LOC/107/77/disk.0 0 77 107',
    /^snap_create: OpenNebula: .*virtual machine \[77\]/,
  ],
];

describe('a line of a transfer script', () => {
  it.each(LINES)('is refused for %s', async (_what, script, line) => {
    await site.refuses(() => site.one.tm([script.replaceAll('LOC', site.one.model.datastoreLocation)]), line);
  });
});

/** Something on standard input of `datastore/agent_fs/cp`. */
type Input = readonly [what: string, input: () => string, line: RegExp];

const base64 = (text: string): string => Buffer.from(text).toString('base64');
const good = (): string => imageActionDocument(site.one.model, site.image('http://127.0.0.1:1/x'));

const INPUTS: readonly Input[] = [
  ['nothing', () => '', /^cp: standard input is empty/],
  ['no base64', () => '<DS_DRIVER_ACTION_DATA>', /^cp: .*base64/],
  ['base64 of nothing readable', () => Buffer.from([0, 255, 254, 7]).toString('base64'), /^cp: .*XML/],
  ['base64 that is cut off', () => base64(good()).slice(0, -101), /^cp: .*(base64|XML)/],
  ['a DTD', () => base64(`<!DOCTYPE x [<!ENTITY e SYSTEM "file:///etc/passwd">]>${good()}`), /^cp: .*DTD.*/],
  ['an entity', () => base64(good().replace('<IMAGE>', '<IMAGE>&e;')), /^cp: .*not well-formed XML: it holds an entity/],
  ['another document', () => base64('<VM><ID>9</ID></VM>'), /^cp: .*DS_DRIVER_ACTION_DATA/],
  ['a document without an image', () => base64(good().replace(/<IMAGE>.*<\/IMAGE>/s, '')), /^cp: .*IMAGE/],
  [
    '100 MiB of XML',
    () => base64(`<DS_DRIVER_ACTION_DATA>${'<A>b</A>'.repeat((100 << 20) / 8)}</DS_DRIVER_ACTION_DATA>`),
    /^ds\/cp: the input is larger than 16 MiB$/,
  ],
  [
    '12 MiB of XML',
    () => base64(`<DS_DRIVER_ACTION_DATA>${'<A>b</A>'.repeat((12 << 20) / 8)}</DS_DRIVER_ACTION_DATA>`),
    /^(ds\/)?cp: .*(larger than 16 MiB|DATASTORE)/,
  ],
  ['deep XML', () => base64('<A>'.repeat(500_000)), /^cp: .*nested deeper than 100/],
];

describe('standard input of cp', () => {
  it.each(INPUTS)('is refused when it is %s', async (_what, input, line) => {
    const program = path.join(site.cluster.shims, 'datastore', 'agent_fs', 'cp');
    const stdin = input();
    await site.refuses(() => runShim(site.one.site, { action: 'datastore/agent_fs/cp', program, argv: ['7'], stdin }), line);
  });
});

/** An image file that must not be taken, made by `make` at the given name. */
type Evil = readonly [what: string, make: (file: string) => Promise<unknown>, line: RegExp];

const EVIL: readonly Evil[] = [
  [
    'names a foreign backing file',
    (file) => tool('qemu-img', 'create', '-q', '-u', '-f', 'qcow2', '-b', '/etc/passwd', '-F', 'raw', file, '4M'),
    /^cp: .*evil.*: qcow2 image refers to another file \('\/etc\/passwd'\) \(on frontend; convert the image .*\)$/,
  ],
  [
    'names a foreign data file',
    (file) => tool('qemu-img', 'create', '-q', '-f', 'qcow2', '-o', `data_file=${file}.data`, file, '4M'),
    /^cp: .*evil.*: qcow2 image keeps its data in another file \(on frontend; .*\)$/,
  ],
  ['is a VMDK', (file) => tool('qemu-img', 'create', '-q', '-f', 'vmdk', file, '4M'), /^cp: .*evil.*vmdk/i],
  [
    'has a header that is cut off',
    (file) => writeFile(file, Buffer.from('514649fb00000003', 'hex')),
    /^cp: .*evil.*(short|header|truncated|ends)/,
  ],
  ['is empty', (file) => writeFile(file, ''), /^cp: .*evil.*empty/],
];

it.each(['abc', '-1', '0', '1e9', '99999999999999999999'])('an empty image of size %s is refused', async (size) => {
  const image = site.image('', { format: 'raw', type: 2, sizeMb: 4 });
  const stdin = base64(imageActionDocument(site.one.model, image).replace('<SIZE>4<', `<SIZE>${size}<`));
  const program = path.join(site.cluster.shims, 'datastore', 'agent_fs', 'mkfs');
  await site.refuses(
    () => runShim(site.one.site, { action: 'datastore/agent_fs/mkfs', program, argv: ['7'], stdin }),
    /^mkfs: .*[Ss][Ii][Zz][Ee]/,
  );
});

describe('an image', () => {
  it.each(EVIL)('is refused that %s', async (what, make, line) => {
    const file = path.join(files, `evil-${what.replaceAll(' ', '-')}`);
    await make(file);
    await site.refuses(() => site.one.image('cp', site.image(file)), line);
  });

  const ELSEWHERE: readonly (readonly [what: string, address: () => string, line: RegExp])[] = [
    ['is not there', () => path.join(files, 'none'), /^cp: .*none.*no such file/],
    ['is a directory', () => files, /^cp: .*not a regular file/],
    ['belongs to OpenNebula', () => '/var/lib/one/.one/one_auth', /^cp: .*\/var\/lib\/one.*restricted/],
    ['is a key of an agent', () => path.join(site.cluster.agent('frontend').pki, 'key.pem'), /^cp: .*(restricted|belongs to onestorage)/],
    ['leads there by ..', () => `${files}/../../../var/lib/one/x`, /^cp: .*restricted/],
    ['has a scheme that runs commands', () => 'ssh://host/file', /^cp: .*ssh/],
    ['has a scheme nobody knows', () => 'gopher://host/file', /^cp: .*gopher/],
    ['has a relative path', () => 'images/x', /^cp: .*images\/x/],
    ['comes from a server that is down', () => 'http://127.0.0.1:1/os.raw', /^cp: .*127\.0\.0\.1:1.*refused/],
    ['comes from a host nobody knows', () => 'http://nowhere.invalid/os.raw', /^cp: .*nowhere\.invalid/],
  ];

  it.each(ELSEWHERE)('is refused that %s', async (_what, address, line) => {
    await site.refuses(() => site.one.image('cp', site.image(address())), line);
  });

  it('is refused from /var/tmp_evil when SAFE_DIRS is /var/tmp', async () => {
    const evil = path.join(site.cluster.site.directory, 'tmp_evil');
    await mkdir(evil);
    await writeFile(path.join(evil, 'image'), Buffer.alloc(1 << 20));
    const before = site.one.model.datastores.get(106) ?? site.datastore;
    const template = { SAFE_DIRS: path.join(site.cluster.site.directory, 'tmp'), RESTRICTED_DIRS: '/' };
    site.one.model.datastores.set(106, { ...site.datastore, template });
    const outside = /^cp: .*tmp_evil\/image may not be an image: it is outside SAFE_DIRS of the datastore \(.*\/tmp\).*SAFE_DIRS/;
    await site.refuses(() => site.one.image('cp', site.image(path.join(evil, 'image'))), outside);
    site.one.model.datastores.set(106, before);
  });

  it('is not removed when SOURCE lies elsewhere', async () => {
    for (const source of [
      '/etc/passwd',
      site.onedPath(106, '..', '107', '9'),
      site.onedPath(107, '9'),
      site.onedPath(106, 'a', 'b'),
      site.onedPath(106),
    ]) {
      await site.refuses(() => site.one.image('rm', site.image('', { source })), /^rm: .*\(give a path below a datastore\)$/);
    }
  });
});

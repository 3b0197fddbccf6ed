import { XMLParser, XMLValidator } from 'fast-xml-parser';
import { describe, expect, it } from 'vitest';
import { restoredTemplate } from '../../../controller/backups/restored-template.ts';
import { readXml } from '../../../controller/opennebula/xml.ts';
import { fixture } from '../fake-agents.ts';

const parser = new XMLParser({ parseTagValue: false, isArray: (name) => name === 'DISK' || name === 'NIC' });
const vm = async (change: (text: string) => string = (text) => text) => readXml(change(await fixture('vm-3.xml')), 'VM');
const WANTED = { name: 'again', images: new Map([[0, 70]]), noNic: false, noIp: false, withhold: new Set<string>() };

function read(text: string): Record<string, unknown> {
  expect(XMLValidator.validate(text)).toBe(true);
  return parser.parse(text).TEMPLATE as Record<string, unknown>;
}

describe('restoredTemplate', () => {
  it('is a template like the one the VM was made of', async () => {
    const { text, remarks } = restoredTemplate(await vm(), WANTED);
    const template = read(text);
    expect(template).toMatchObject({ NAME: 'again', MEMORY: expect.any(String) });
    for (const name of ['VMID', 'AUTOMATIC_REQUIREMENTS', 'TM_MAD_SYSTEM', 'TEMPLATE_ID']) expect(template).not.toHaveProperty(name);
    expect((template['DISK'] as unknown[])[0]).toMatchObject({ IMAGE_ID: '70' });
    expect(JSON.stringify(template['DISK'])).not.toMatch(/SOURCE|TM_MAD|DISK_ID|DATASTORE/);
    expect(remarks.every((remark) => remark.startsWith('disk '))).toBe(true);
  });

  it('keeps volatile disks, swap too, and says of every disk that it makes anew or leaves out', () => {
    const disks =
      '<DISK><DISK_ID>0</DISK_ID><TYPE>FILE</TYPE><IMAGE_ID>4</IMAGE_ID><DEV_PREFIX>vd</DEV_PREFIX></DISK>' +
      '<DISK><DISK_ID>2</DISK_ID><TYPE>swap</TYPE><SIZE>16</SIZE><FORMAT>raw</FORMAT><DATASTORE_ID>0</DATASTORE_ID></DISK>' +
      '<DISK><DISK_ID>3</DISK_ID><TYPE>fs</TYPE><SIZE>48</SIZE><FORMAT>qcow2</FORMAT><FS>ext4</FS><TM_MAD>agent_local</TM_MAD></DISK>' +
      '<DISK><DISK_ID>5</DISK_ID><TYPE>CDROM</TYPE><IMAGE_ID>9</IMAGE_ID><SOURCE>/x</SOURCE></DISK>' +
      '<DISK><DISK_ID>8</DISK_ID><TYPE>FILE</TYPE><IMAGE_ID>6</IMAGE_ID></DISK>';
    const { text, remarks } = restoredTemplate(readXml(`<VM><TEMPLATE>${disks}</TEMPLATE></VM>`, 'VM'), WANTED);
    expect(read(text)['DISK']).toEqual([
      { IMAGE_ID: '70', DEV_PREFIX: 'vd' },
      { TYPE: 'swap', SIZE: '16', FORMAT: 'raw' },
      { TYPE: 'fs', SIZE: '48', FORMAT: 'qcow2', FS: 'ext4' },
      { IMAGE_ID: '9' },
    ]);
    expect(remarks).toEqual([
      'disk 2 (swap) is not in the backup: the new VM gets an empty one',
      'disk 3 (fs) is not in the backup: the new VM gets an empty one',
      'disk 8 is not in the backup: the new VM is without it',
    ]);
  });

  it('keeps quotes, ampersands, markup and line ends of every text attribute', () => {
    const nasty = `a "quote", an 'apostrophe', <b> & ]]> [ , ] = # $(id) \\ \n line`;
    const cdata = (name: string) => `<${name}><![CDATA[${nasty.replace(']]>', ']]]]><![CDATA[>')}]]></${name}>`;
    const document = `<VM><TEMPLATE>${cdata('DESCRIPTION')}<CONTEXT>${cdata('START_SCRIPT')}<ETH0_IP>1</ETH0_IP></CONTEXT></TEMPLATE><USER_TEMPLATE>${cdata('NOTE')}<ERROR>x</ERROR></USER_TEMPLATE></VM>`;
    const { text } = restoredTemplate(readXml(document, 'VM'), { ...WANTED, name: nasty });
    const again = readXml(text, 'template');
    const of = (name: string) => again.children.find((one) => one.name === name);
    expect([of('NAME')?.text, of('DESCRIPTION')?.text, of('NOTE')?.text, of('CONTEXT')?.children[0]?.text]).toEqual(Array(4).fill(nasty));
    expect(of('CONTEXT')?.children).toHaveLength(1);
    expect(of('ERROR')).toBeUndefined();
    expect(XMLValidator.validate(restoredTemplate(readXml('<VM><TEMPLATE><A>x\u0001\u0007y</A></TEMPLATE></VM>', 'VM'), WANTED).text)).toBe(
      true,
    );
  });

  it('leaves out networks or their addresses, one address otherwise, and what the user may not have', () => {
    const nics =
      '<NIC><NETWORK>n</NETWORK><IP>10.0.0.1</IP><IP6>fe80::1</IP6><MAC>02:00</MAC><VN_MAD>bridge</VN_MAD><MODEL>virtio</MODEL></NIC>' +
      '<NIC><NETWORK>n</NETWORK><MAC>02:01</MAC></NIC><NIC_ALIAS><PARENT>NIC0</PARENT><IP>10.0.0.3</IP></NIC_ALIAS><PCI><ADDRESS>1</ADDRESS><VENDOR>8086</VENDOR></PCI>';
    const document = readXml(`<VM><TEMPLATE>${nics}</TEMPLATE></VM>`, 'VM');
    const of = (more: object) => read(restoredTemplate(document, { ...WANTED, ...more }).text);
    expect(of({})).toMatchObject({
      NIC: [
        { NETWORK: 'n', IP: '10.0.0.1', MODEL: 'virtio' },
        { NETWORK: 'n', MAC: '02:01' },
      ],
    });
    expect(of({})['PCI']).toEqual({ VENDOR: '8086' });
    expect(JSON.stringify(of({ noIp: true }))).not.toMatch(/"(?:IP|IP6|MAC)"/);
    expect(JSON.stringify(of({ noNic: true }))).not.toContain('NIC');
    expect(of({ withhold: new Set(['NIC/MAC', 'PCI']) })).toMatchObject({ NIC: [{ IP: '10.0.0.1' }, { NETWORK: 'n' }] });
    expect(of({ withhold: new Set(['PCI']) })).not.toHaveProperty('PCI');
  });
});

import { beforeAll, describe, expect, it } from 'vitest';
import { hosted } from '../../../controller/opennebula/hosted-datastores.ts';
import { readXml } from '../../../controller/opennebula/xml.ts';
import { fixture } from '../fake-agents.ts';

let datastore: string;
let host: string;
beforeAll(async () => {
  datastore = (await fixture('datastore-0.xml')).replaceAll('<![CDATA[local]]>', '<![CDATA[agent_local]]>');
  host = await fixture('host-0.xml');
});

const pool = (kind: 'DATASTORE' | 'HOST', ...documents: readonly string[]) =>
  readXml(`<${kind}_POOL>${documents.join('\n')}</${kind}_POOL>`, 'a pool');

describe('local system datastores', () => {
  it('are on every host of their clusters', () => {
    const other = host.replace('<NAME>node1<', '<NAME>node2<');
    const elsewhere = host.replace('<NAME>node1<', '<NAME>node3<').replace('<CLUSTER_ID>0<', '<CLUSTER_ID>100<');
    expect(hosted(pool('DATASTORE', datastore), pool('HOST', host, other, elsewhere))).toEqual([
      { id: 0, driver: 'agent_local', hostNames: ['node1', 'node2'] },
    ]);
  });

  it('are in several clusters', () => {
    const two = datastore.replace('<ID>0</ID>\n  </CLUSTERS>', '<ID>0</ID><ID>100</ID></CLUSTERS>');
    expect(two).not.toBe(datastore);
    const elsewhere = host.replace('<NAME>node1<', '<NAME>node3<').replace('<CLUSTER_ID>0<', '<CLUSTER_ID>100<');
    expect(hosted(pool('DATASTORE', two), pool('HOST', host, elsewhere))[0]?.hostNames).toEqual(['node1', 'node3']);
  });

  it('are not on hosts that are switched off', () => {
    expect(hosted(pool('DATASTORE', datastore), pool('HOST', host.replace('<STATE>2<', '<STATE>8<')))[0]?.hostNames).toEqual([]);
  });

  it.each([
    ['images', '<TYPE>1</TYPE>', '<TYPE>0</TYPE>'],
    ['of a stock driver', '<TM_MAD><![CDATA[agent_local]]>', '<TM_MAD><![CDATA[ssh]]>'],
    ['shared by their driver', '<TM_MAD><![CDATA[agent_local]]>', '<TM_MAD><![CDATA[agent_shared]]>'],
    ['of a driver with a name of JavaScript', '<TM_MAD><![CDATA[agent_local]]>', '<TM_MAD><![CDATA[constructor]]>'],
    ['shared', '<SHARED><![CDATA[NO]]>', '<SHARED><![CDATA[YES]]>'],
  ])('are not others: %s', (_, from, to) => {
    expect(datastore).toContain(from);
    expect(hosted(pool('DATASTORE', datastore.replace(from, to)), pool('HOST', host))).toEqual([]);
  });

  it('are none in an answer that is no pool', () => {
    expect(() => hosted(readXml('<X/>', 'a pool'), undefined)).toThrow('DATASTORE_POOL');
  });
});

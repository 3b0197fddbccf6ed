/** A `<DATASTORE>` document as OpenNebula gives it, with what an inspection reads. */
export function datastoreXml(id: number, type: number, template: Readonly<Record<string, string>> = {}): string {
  const [dsMad, tmMad] = type === 1 ? ['-', 'local'] : ['fs', 'local'];
  const attributes = Object.entries({ ...(type === 1 ? { SHARED: 'NO' } : {}), ...template }).map(
    ([name, text]) => `<${name}><![CDATA[${text}]]></${name}>`,
  );
  return [
    `<DATASTORE><ID>${id}</ID><DS_MAD><![CDATA[${dsMad}]]></DS_MAD><TM_MAD><![CDATA[${tmMad}]]></TM_MAD>`,
    `<BASE_PATH><![CDATA[/var/lib/one//datastores/${id}]]></BASE_PATH><TYPE>${type}</TYPE><IMAGES/>`,
    `<TEMPLATE>${attributes.join('')}</TEMPLATE></DATASTORE>`,
  ].join('\n');
}

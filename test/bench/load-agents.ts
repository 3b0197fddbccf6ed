import { mkdir, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { startAgent } from '../../agent/agent.ts';
import { agentConfigSchema } from '../../agent/config.ts';
import { issueCertificate } from '../../runtime/identity/authority.ts';
import { createLogger } from '../../runtime/log.ts';

/**
 * Many agents in one process, for the bench: `node load-agents.ts DIRECTORY AUTHORITY COUNT MONITORD_PORT`. Each is a whole agent with its own
 * certificate, journal, port and datastore with one machine, and tells onemonitord every 30 s. Prints a line of JSON, the ports, when all are there.
 */
const [directory = '', authority = '', count = '', monitordPort = ''] = process.argv.slice(2);
const log = createLogger('agents', 'error');

async function start(index: number): Promise<number> {
  const name = `load${String(index).padStart(3, '0')}`;
  const at = path.join(directory, name);
  const datastore = path.join(at, 'datastores', '107');
  await mkdir(path.join(datastore, '9'), { recursive: true });
  await writeFile(path.join(datastore, '.monitor'), 'agent_local\n');
  await writeFile(path.join(datastore, '9', 'disk.0'), 'x'.repeat(4096));
  const machineId = String(index).padStart(32, 'b');
  await issueCertificate(authority, { role: 'agent', hostName: name, machineId, addresses: ['127.0.0.1'] }, path.join(at, 'pki'));
  const config = agentConfigSchema.parse({
    pki: path.join(at, 'pki'),
    listen: '127.0.0.1:0',
    datastores: path.join(at, 'datastores'),
    state_directory: path.join(at, 'state'),
    socket: path.join(at, 'agent.sock'),
    monitord: { report: 'push', address: '127.0.0.1', port: Number(monitordPort), host_id: index },
    metrics: 'off',
  });
  return (await startAgent(config, log)).port;
}

const ports: number[] = [];
for (let index = 0; index < Number(count); index += 1) ports.push(await start(index));
process.stdout.write(`${JSON.stringify(ports)}\n`);
// The bench ends it.
process.stdin.on('end', () => process.exit(0)).resume();

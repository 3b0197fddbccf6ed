import { hostname } from 'node:os';
import { Command, InvalidArgumentError, Option } from 'commander';
import { asStorageError, StorageError } from '../../runtime/errors.ts';
import {
  type CertificateSummary,
  createAuthority,
  issueCertificate,
  renewCertificate,
  showCertificate,
} from '../../runtime/identity/authority.ts';
import { ROLES, type Role } from '../../runtime/identity/identity.ts';
import { revokeSerials } from '../../runtime/identity/revoke.ts';
import type { Told } from '../enrolment/tell.ts';
import { DEFAULT_SOCKET, field, postJson } from './controller-socket.ts';
import { toldText } from './host.ts';

const EXAMPLES = `
Examples:
  onestorage pki init /root/onestorage-ca
  onestorage pki issue /root/onestorage-ca --role controller --host frontend --out /etc/onestorage/controller-pki
  onestorage pki issue /root/onestorage-ca --role agent --host host01 --machine-id "$(ssh host01 cat /etc/machine-id)" \\
      --address 10.0.0.1 --out host01-pki
  onestorage pki show /etc/onestorage/pki
  onestorage pki renew /root/onestorage-ca /etc/onestorage/pki
  onestorage pki revoke /etc/onestorage/authority --serial 5F3A

Keep the directory of the authority off the hosts: who has ca-key.pem is every host.`;

interface IssueOptions {
  readonly role: Role;
  readonly host: string;
  readonly machineId?: string;
  readonly out: string;
  readonly address: readonly string[];
  readonly days?: number;
}

/** `onestorage pki`: an authority of one's own, and the certificates it issues. */
export function pkiCommand(): Command {
  const pki = new Command('pki')
    .description('issue and look at the certificates of agents, controller and admins')
    .addHelpText('after', EXAMPLES);
  pki
    .command('init')
    .description('make an authority: ca.pem and ca-key.pem; an existing one is never overwritten')
    .argument('<authority>', 'directory to make it in')
    .option('--name <name>', 'name of the authority', 'onestorage authority')
    .action(async (authority: string, { name }: { readonly name: string }) => {
      await createAuthority(authority, name);
      print(`made the authority ${authority}/ca.pem; keep ${authority}/ca-key.pem secret\n`);
    });
  pki
    .command('issue')
    .description('issue a certificate with a new key: ca.pem, cert.pem and key.pem for one daemon or person')
    .argument('<authority>', 'directory of the authority')
    .addOption(new Option('--role <role>', 'what the certificate may do').choices([...ROLES]).makeOptionMandatory())
    .option('--host <name>', 'host name as OpenNebula knows it', hostname())
    .option('--machine-id <id>', 'content of /etc/machine-id of the host; an agent must have one')
    .option('--address <ip>', 'IP address others connect to; may be given again', collect, [])
    .option('--days <count>', 'how long it is valid (default: 730)', parseDays)
    .requiredOption('--out <directory>', 'directory to write to')
    .action(async (authority: string, { role, host, machineId, out, address, days }: IssueOptions) => {
      await issueCertificate(authority, { role, hostName: host, machineId, days, addresses: address }, out);
      print(describe(await showCertificate(out)));
    });
  pki
    .command('show')
    .description('print whose certificate a directory holds, and until when')
    .argument('<directory>', 'directory with cert.pem')
    .option('--json', 'for programs')
    .action(async (directory: string, { json }: { readonly json?: boolean }) => {
      const summary = await showCertificate(directory);
      print(json === true ? `${JSON.stringify(summary)}\n` : describe(summary));
    });
  pki
    .command('renew')
    .description('replace a certificate by one that ends later: same subject, addresses and key')
    .argument('<authority>', 'directory of the authority')
    .argument('<directory>', 'directory with cert.pem')
    .option('--days <count>', 'how long it is valid (default: 730)', parseDays)
    .action(async (authority: string, directory: string, { days }: { readonly days?: number }) => {
      await renewCertificate(authority, directory, days);
      print(`${describe(await showCertificate(directory))}restart the daemon that uses it\n`);
    });
  pki
    .command('revoke')
    .description('trust a certificate no more; a running controller is told, and tells the agents at once')
    .argument('<authority>', 'directory of the authority')
    .argument('[directory]', 'directory with cert.pem')
    .option('--serial <hex>', 'serial number, as pki show prints it, when the certificate is not at hand')
    .option('--socket <path>', 'socket of the controller', DEFAULT_SOCKET)
    .action(revoke);
  return pki;
}

async function revoke(
  authority: string,
  directory: string | undefined,
  { serial, socket }: { readonly serial?: string; readonly socket: string },
): Promise<void> {
  if ((directory === undefined) === (serial === undefined)) throw new StorageError('bad_argument', 'name either a directory or --serial');
  const word = serial ?? (await showCertificate(directory ?? '')).serial;
  await revokeSerials(authority, [word]);
  print(`${word} is in ${authority}/crl.pem\n`);
  try {
    print(toldText((field(await postJson(socket, '/v1/revocations', {}), 'told') ?? []) as readonly Told[]));
  } catch (thrown) {
    print(`agents were not told: ${asStorageError(thrown).message}\n`);
  }
}

function describe({ role, hostName, machineId, addresses, notAfter, daysLeft, fingerprint, serial, file }: CertificateSummary): string {
  const rows = [
    ['file', file],
    ['role', role],
    ['host', hostName],
    ['machine id', machineId ?? '-'],
    ['addresses', addresses.length === 0 ? '-' : addresses.join(', ')],
    ['expires', `${notAfter.toISOString()} (${daysLeft < 0 ? 'EXPIRED' : `${daysLeft} days left`})`],
    ['serial', serial],
    ['sha256', fingerprint],
  ];
  return rows.map(([name = '', value = '']) => `${name.padEnd(11)}${value}\n`).join('');
}

function collect(value: string, before: readonly string[]): readonly string[] {
  return [...before, value];
}

function parseDays(text: string): number {
  const days = Number(text);
  if (!Number.isInteger(days) || days < 1 || days > 3650) throw new InvalidArgumentError('Not a number of days from 1 to 3650.');
  return days;
}

function print(text: string): void {
  process.stdout.write(text);
}

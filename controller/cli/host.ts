import { Command } from 'commander';
import type { Added } from '../enrolment/enrolment.ts';
import type { EnrolledHost } from '../enrolment/store.ts';
import type { Told } from '../enrolment/tell.ts';
import { askController, DEFAULT_SOCKET, field, postJson } from './controller-socket.ts';
import { print, printJson } from './look.ts';
import { table } from './table.ts';

interface Options {
  readonly socket: string;
  readonly json?: true;
}

interface AddOptions extends Options {
  readonly address?: string;
  readonly machineId?: string;
  readonly replace?: true;
  readonly tokenOnly?: true;
}

const HELP = `
add prints a token, good once and for an hour; "onestorage agent join TOKEN" on the host exchanges it for a certificate. revoke ends
the trust in a host at once: agents are told, its connections are closed, and its certificate is not renewed.

Examples:
  onestorage host add host01
  onestorage host add host01 --address 192.0.2.11:2635 --machine-id 0123456789abcdef0123456789abcdef
  onestorage host list
  onestorage host revoke host01`;

/** `onestorage host`: who belongs to the site. */
export function hostCommand(): Command {
  const host = new Command('host').description('let hosts join, and revoke them').addHelpText('after', HELP);
  const common = (command: Command): Command =>
    command.option('--socket <path>', 'socket of the controller', DEFAULT_SOCKET).option('--json', 'print one JSON document');
  common(host.command('add'))
    .description('make a token with which a host joins')
    .argument('<name>', 'as OpenNebula knows the host: see onehost list')
    .option('--address <host:port>', 'where its agent is reached (default: its name, port 2635)')
    .option('--machine-id <id>', 'only the host with this /etc/machine-id may join')
    .option('--replace', 'the host has joined already, and does so anew: its old certificate is revoked then')
    .option('--token-only', 'print the token and nothing else')
    .action(add);
  common(host.command('list')).description('hosts that were added, and whether they have joined').action(list);
  common(host.command('revoke'))
    .description('trust a host no more: its certificate, its token, its connections')
    .argument('<name>', 'as in onestorage host list')
    .action(revoke);
  return host;
}

async function add(name: string, { socket, json, address, machineId, replace, tokenOnly }: AddOptions): Promise<void> {
  const added = (await postJson(socket, '/v1/enrolments', { name, address, machineId, replace })) as Added;
  if (json) return printJson(added);
  if (tokenOnly) return print(`${added.token}\n`);
  const minutes = Math.max(1, Math.round((added.until - Date.now()) / 60_000));
  print(`On ${added.name}, as root, within ${minutes} minutes:\n\n  onestorage agent join ${added.token}\n`);
}

type ListedHost = Omit<EnrolledHost, 'token'> & { readonly tokenUntil: number | null };

async function list({ socket, json }: Options): Promise<void> {
  const hosts = (field(await askController(socket, 'GET', '/v1/enrolments'), 'hosts') ?? []) as readonly ListedHost[];
  if (json) return printJson(hosts);
  if (hosts.length === 0) return print('no hosts were added: onestorage host add NAME\n');
  print(table([['HOST', 'ADDRESS', 'MACHINE ID', 'CERTIFICATE UNTIL', 'STATE'], ...hosts.map((one) => hostRow(one, Date.now()))]));
}

function hostRow({ name, address, machineId, notAfter, revokedAt, tokenUntil }: ListedHost, now: number): readonly string[] {
  const waiting = tokenUntil !== null && tokenUntil > now ? 'to join' : 'token expired';
  const state = revokedAt !== null ? 'revoked' : machineId === null ? waiting : 'joined';
  return [
    name,
    address ?? 'issued by hand',
    machineId ?? '-',
    notAfter === null ? '-' : new Date(notAfter).toISOString().slice(0, 10),
    state,
  ];
}

async function revoke(name: string, { socket, json }: Options): Promise<void> {
  const told = (field(await askController(socket, 'DELETE', `/v1/enrolments/${encodeURIComponent(name)}`), 'told') ??
    []) as readonly Told[];
  if (json) printJson({ host: name, told });
  else print(`${name} was revoked\n${toldText(told)}`);
}

/** Who knows of a revocation, and who will when he is back. */
export function toldText(told: readonly Told[]): string {
  return told
    .map(({ host, failure }) =>
      failure === undefined ? `${host} knows it\n` : `${host} does not know it yet, and is told when it answers: ${failure}\n`,
    )
    .join('');
}

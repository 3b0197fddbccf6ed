import { type ChildProcess, spawn } from 'node:child_process';
import { chmod, mkdir, readFile, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { answers, freePort } from '../helpers/free-port.ts';
import { tether } from '../helpers/tether.ts';
import { tool } from '../lab/tools.ts';
import type { Account } from './account.ts';

/** A private sshd on the loopback, with keys of its own: what the drivers that come with OpenNebula copy through. */
export interface Ssh {
  /** Client configurations: every session connects by itself, or all share one connection that is open already. */
  readonly fresh: string;
  readonly shared: string;
  stop(): Promise<void>;
}

/** Every host name of the lab leads to the one sshd. */
export async function startSsh(directory: string, account: Account): Promise<Ssh> {
  await mkdir(directory, { recursive: true });
  await mkdir('/run/sshd', { recursive: true }).catch(() => undefined); // privilege separation of a root's sshd
  const at = (name: string) => path.join(directory, name);
  for (const key of ['host_key', 'user_key']) await tool('ssh-keygen', '-q', '-t', 'ed25519', '-N', '', '-f', at(key));
  await writeFile(at('authorized_keys'), await readFile(at('user_key.pub')));
  await chmod(at('authorized_keys'), 0o600);
  const port = await freePort();
  const config = [`ListenAddress 127.0.0.1:${port}`, `HostKey ${at('host_key')}`, `AuthorizedKeysFile ${at('authorized_keys')}`];
  config.push('StrictModes no', 'UsePAM no', 'PidFile none', 'PermitRootLogin yes', 'PasswordAuthentication no', 'MaxSessions 100');
  // bash reads ~/.bashrc in every session: not that of whoever runs the bench.
  config.push(`SetEnv HOME=${directory}`, 'Subsystem sftp internal-sftp');
  await writeFile(at('sshd_config'), `${config.join('\n')}\n`);
  const client = [
    ...['Host *', '  HostName 127.0.0.1', `  Port ${port}`, `  IdentityFile ${at('user_key')}`, '  BatchMode yes'],
    ...['  StrictHostKeyChecking accept-new', `  UserKnownHostsFile ${at('known_hosts')}`, '  LogLevel ERROR', '  ServerAliveInterval 10'],
  ];
  const sharing = ['  ControlMaster auto', '  ControlPersist 600s', `  ControlPath ${at('shared.sock')}`];
  await writeFile(at('fresh'), `${client.join('\n')}\n`);
  await writeFile(at('shared'), `${[...client, ...sharing].join('\n')}\n`);
  const sshd = (await tool('sh', '-c', 'command -v sshd')).trim();
  const [program = '', ...argv] = [...tether, sshd, '-D', '-e', '-f', at('sshd_config')];
  const server = spawn(program, argv, { stdio: 'ignore' });
  account.add(server.pid);
  process.once('exit', () => server.kill());
  await answers(port);
  await tool('ssh', '-F', at('fresh'), 'host01', 'true'); // learns the host key
  // The shared connection belongs to the side's account, as all that runs through it.
  const master = spawn('ssh', ['-F', at('shared'), '-N', 'host01'], { stdio: 'ignore' });
  account.add(master.pid);
  while (!(await succeeds('ssh', '-F', at('shared'), '-O', 'check', 'host01'))) await delay(50);
  return { fresh: at('fresh'), shared: at('shared'), stop: () => Promise.all([end(master), end(server)]).then(() => undefined) };
}

async function end(child: ChildProcess): Promise<void> {
  const ended = new Promise<void>((resolve) => child.once('exit', () => resolve()));
  if (child.exitCode === null && child.signalCode === null && child.kill()) await ended;
}

async function succeeds(program: string, ...argv: readonly string[]): Promise<boolean> {
  return tool(program, ...argv).then(
    () => true,
    () => false,
  );
}

import { execFileSync, spawn } from 'node:child_process';
import { chmod, copyFile, mkdir, readFile, writeFile } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { answers, freePort } from './free-port.ts';
import { tether } from './tether.ts';

/** An sshd on the loopback with keys of its own: a backup server. */
export interface Sshd {
  /** Client configuration; every host name but `gone` leads to the server. */
  readonly config: string;
  readonly user: string;
  /** Connections that there were. */
  connections(): Promise<number>;
  /** Ends all connections, as a network does; the server goes on. */
  drop(): Promise<void>;
  /** Ends the server and all its sessions. */
  stop(): Promise<void>;
}

export async function startSshd(directory: string): Promise<Sshd> {
  const at = (name: string): string => path.join(directory, name);
  await mkdir(directory, { recursive: true });
  // Privilege separation of a root's sshd.
  await mkdir('/run/sshd', { recursive: true }).catch(() => undefined);
  for (const key of ['host_key', 'user_key']) execFileSync('ssh-keygen', ['-q', '-t', 'ed25519', '-N', '', '-f', at(key)]);
  await copyFile(at('user_key.pub'), at('authorized_keys'));
  await chmod(at('authorized_keys'), 0o600);
  const port = await freePort();
  const server = [
    ...[`ListenAddress 127.0.0.1:${port}`, `HostKey ${at('host_key')}`, `AuthorizedKeysFile ${at('authorized_keys')}`],
    ...['StrictModes no', 'UsePAM no', 'PidFile none', 'PermitRootLogin yes', 'PasswordAuthentication no', 'MaxStartups 100'],
    'Subsystem sftp internal-sftp',
    // bash reads ~/.bashrc in every session: not that of whoever runs the tests, which may take seconds.
    `SetEnv HOME=${directory}`,
  ];
  await writeFile(at('sshd_config'), `${server.join('\n')}\n`);
  const client = [
    ...['Host gone', '  HostName 127.0.0.1', '  Port 1', '  BatchMode yes'],
    ...['Host *', '  HostName 127.0.0.1', `  Port ${port}`, `  IdentityFile ${at('user_key')}`, '  IdentitiesOnly yes'],
    ...['  StrictHostKeyChecking accept-new', `  UserKnownHostsFile ${at('known_hosts')}`, '  LogLevel ERROR'],
  ];
  await writeFile(at('ssh_config'), `${client.join('\n')}\n`);
  const sshd = execFileSync('sh', ['-c', 'PATH="$PATH:/usr/sbin" command -v sshd'], { encoding: 'utf8' }).trim();
  const [program = '', ...argv] = [...tether, sshd, '-D', '-E', at('log'), '-f', at('sshd_config')];
  const child = spawn(program, argv, { stdio: 'ignore', detached: true });
  const end = (): boolean => child.kill('SIGKILL');
  process.once('exit', end);
  await answers(port);
  const exited = new Promise<void>((resolve) => child.once('exit', () => resolve()));
  return {
    config: at('ssh_config'),
    user: os.userInfo().username,
    connections: async () => (await readFile(at('log'), 'utf8')).split('\n').filter((line) => line.startsWith('Accepted ')).length,
    drop: async () => {
      const children = await readFile(`/proc/${child.pid}/task/${child.pid}/children`, 'utf8');
      for (const pid of children.trim().split(/\s+/)) process.kill(Number(pid), 'SIGKILL');
    },
    stop: async () => {
      process.off('exit', end);
      child.kill('SIGTERM');
      await exited;
    },
  };
}

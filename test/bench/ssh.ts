import { spawn } from 'node:child_process';
import { chmod, mkdir, readFile, writeFile } from 'node:fs/promises';
import { connect, createServer } from 'node:net';
import path from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { tool } from '../lab/tools.ts';

/** A private sshd on the loopback, with keys of its own: what the drivers that come with OpenNebula copy through. */
export interface Ssh {
  /** A script on the "other host", through `sh -c` of one local pipeline. */
  pipe(script: string): Promise<void>;
  /** The ssh command, for a script. */
  readonly command: string;
  stop(): Promise<void>;
}

const START_MS = 10_000;

export async function startSsh(directory: string): Promise<Ssh> {
  await mkdir(directory, { recursive: true });
  await mkdir('/run/sshd', { recursive: true }).catch(() => undefined); // privilege separation of a root's sshd
  const at = (name: string) => path.join(directory, name);
  for (const key of ['host_key', 'user_key']) await tool('ssh-keygen', '-q', '-t', 'ed25519', '-N', '', '-f', at(key));
  await writeFile(at('authorized_keys'), await readFile(at('user_key.pub')));
  await chmod(at('authorized_keys'), 0o600);
  const port = await freePort();
  const config = [`ListenAddress 127.0.0.1:${port}`, `HostKey ${at('host_key')}`, `AuthorizedKeysFile ${at('authorized_keys')}`];
  config.push('StrictModes no', 'UsePAM no', 'PidFile none', 'PermitRootLogin yes', 'PasswordAuthentication no');
  await writeFile(at('sshd_config'), `${config.join('\n')}\n`);
  const program = (await tool('sh', '-c', 'command -v sshd')).trim();
  const server = spawn(program, ['-D', '-e', '-f', at('sshd_config')], { stdio: 'ignore' });
  process.once('exit', () => server.kill());
  await answers(port);
  const options = ['-o BatchMode=yes', '-o StrictHostKeyChecking=no', '-o UserKnownHostsFile=/dev/null', '-o LogLevel=ERROR'];
  const command = `ssh -i ${at('user_key')} -p ${port} ${options.join(' ')} 127.0.0.1`;
  return {
    command,
    pipe: async (script) => void (await tool('bash', '-o', 'pipefail', '-c', script)),
    stop: async () => {
      const ended = new Promise<void>((resolve) => server.once('exit', () => resolve()));
      if (server.exitCode === null && server.kill()) await ended;
    },
  };
}

async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address = server.address();
  await new Promise<void>((resolve) => server.close(() => resolve()));
  return typeof address === 'object' && address !== null ? address.port : 0;
}

async function answers(port: number): Promise<void> {
  const deadline = Date.now() + START_MS;
  while (!(await connects(port))) {
    if (Date.now() > deadline) throw new Error(`sshd does not answer on port ${port}`);
    await delay(50);
  }
}

function connects(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1', () => {
      socket.destroy();
      resolve(true);
    });
    socket.once('error', () => resolve(false));
  });
}

import { spawn } from 'node:child_process';
import { mkdir, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { answers, freePort } from './free-port.ts';

/** A server of restic's REST protocol on the loopback, with a password. */
export interface RestServer {
  readonly url: string;
  readonly user: string;
  readonly password: string;
  /** Holds the repositories. */
  readonly directory: string;
  stop(): Promise<void>;
}

export async function startRestServer(directory: string): Promise<RestServer> {
  const [user, password] = ['backup', 'the-password-of-the-rest-server'];
  const data = path.join(directory, 'data');
  await mkdir(data, { recursive: true });
  await writeFile(path.join(directory, 'rclone.conf'), '');
  const port = await freePort();
  const args = ['serve', 'restic', '--config', path.join(directory, 'rclone.conf'), '--addr', `127.0.0.1:${port}`];
  const env = { ...process.env, RCLONE_USER: user, RCLONE_PASS: password };
  const child = spawn('rclone', [...args, data], { stdio: 'ignore', env });
  const end = (): boolean => child.kill('SIGKILL');
  process.once('exit', end);
  await answers(port);
  const exited = new Promise<void>((resolve) => child.once('exit', () => resolve()));
  return {
    ...{ url: `http://127.0.0.1:${port}`, user, password, directory: data },
    stop: async () => {
      process.off('exit', end);
      child.kill('SIGTERM');
      await exited;
    },
  };
}

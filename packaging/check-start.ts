import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createAuthority, issueCertificate } from '../runtime/identity/authority.ts';
import { ROOT } from './places.ts';

/** `npm run check:start`: both daemons start in a scratch directory, say that they are ready, and end when they are told to. */

const READY = { agent: '"msg":"agent ready"', controller: '"msg":"listening for shims"' } as const;
const LIMIT_MS = 60_000;
type Daemon = keyof typeof READY;

async function makeFiles(directory: string): Promise<void> {
  const at = (...names: readonly string[]): string => join(directory, ...names);
  mkdirSync(at('datastores'));
  await createAuthority(at('ca'));
  await issueCertificate(at('ca'), { role: 'agent', hostName: 'localhost', machineId: 'check' }, at('agent-pki'));
  await issueCertificate(at('ca'), { role: 'controller', hostName: 'localhost' }, at('controller-pki'));
  const common = (daemon: Daemon): object => ({
    pki: at(`${daemon}-pki`),
    state_directory: at(daemon),
    socket: at(`${daemon}.sock`),
    datastores: at('datastores'),
    metrics: 'off',
  });
  // JSON is YAML. Port 0: a free one; nobody is asked to enrol, and no OpenNebula is there.
  writeFileSync(at('agent.yaml'), JSON.stringify({ ...common('agent'), listen: '127.0.0.1:0' }));
  const controller = {
    mark_datastores_seconds: 0,
    enrolment: { authority: at('none') },
    opennebula: { endpoint: 'http://127.0.0.1:9/RPC2' },
  };
  writeFileSync(at('controller.yaml'), JSON.stringify({ ...common('controller'), ...controller }));
}

/** Gives what is wrong; undefined: nothing. */
async function tryDaemon(daemon: Daemon, directory: string): Promise<string | undefined> {
  const child = spawn(join(ROOT, 'packaging/onestorage'), [daemon, '--config', join(directory, `${daemon}.yaml`)], {
    stdio: ['ignore', 'ignore', 'pipe'],
    timeout: LIMIT_MS,
    killSignal: 'SIGKILL',
  });
  const said = await untilReady(child, READY[daemon]);
  const code = child.exitCode ?? (await stopped(child));
  return said.includes(READY[daemon]) && code === 0 ? undefined : `${daemon} does not start, or does not end (${code}):\n${said}`;
}

async function untilReady(child: ChildProcess, ready: string): Promise<string> {
  let said = '';
  for await (const chunk of child.stderr ?? []) {
    said += String(chunk);
    if (said.includes(ready)) break;
  }
  return said;
}

async function stopped(child: ChildProcess): Promise<number | null> {
  const exit = once(child, 'exit') as Promise<[number | null]>;
  child.kill('SIGTERM');
  const [code] = await exit;
  return code;
}

const directory = mkdtempSync(join(tmpdir(), 'onestorage-check-'));
try {
  await makeFiles(directory);
  const wrong = await Promise.all((['agent', 'controller'] as const).map((daemon) => tryDaemon(daemon, directory)));
  for (const text of wrong) if (text !== undefined) process.stderr.write(`${text}\n`);
  process.exitCode = wrong.every((text) => text === undefined) ? 0 : 1;
} finally {
  rmSync(directory, { recursive: true, force: true });
}

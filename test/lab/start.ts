import { parseArgs } from 'node:util';
import { type Cluster, startCluster } from './cluster.ts';
import { FULL_SIZES, leaveMachine, runLife, SMALL_SIZES } from './life.ts';
import { renderTimeline } from './timeline.ts';

/** `npm start`: a whole site on this machine, and the life of a virtual machine in it. */

const USAGE = `usage: npm start -- [--keep] [--json] [--small]
  --keep   leave the site running until Ctrl-C, and print how to look at it
  --json   print the timeline as JSON on standard output; progress goes to standard error
  --small  images of a few MiB
`;

interface Flags {
  readonly keep: boolean;
  readonly json: boolean;
  readonly small: boolean;
}

function readFlags(): Flags | undefined {
  const flag = { type: 'boolean', default: false } as const;
  try {
    const { values } = parseArgs({ options: { keep: flag, json: flag, small: flag } });
    return values;
  } catch (thrown) {
    process.stderr.write(`${thrown instanceof Error ? thrown.message : String(thrown)}\n${USAGE}`);
    return undefined;
  }
}

async function main(flags: Flags): Promise<number> {
  const progress = flags.json ? process.stderr : process.stdout;
  const say = (text: string) => void progress.write(`${text}\n`);
  const interrupted = Promise.withResolvers<'interrupted'>();
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.once(signal, () => interrupted.resolve('interrupted'));
  say('starting a controller, three agents and a stand-in of OpenNebula on 127.0.0.1');
  const started = Date.now();
  const sizes = flags.small ? SMALL_SIZES : FULL_SIZES;
  const cluster = await startCluster();
  say(`ready after ${((Date.now() - started) / 1000).toFixed(1)} s: ${cluster.site.directory}`);
  try {
    const rows = await Promise.race([runLife(cluster, sizes, say), interrupted.promise]);
    if (rows === 'interrupted') {
      say('interrupted');
      return 130;
    }
    if (flags.json) process.stdout.write(`${JSON.stringify(rows, undefined, 2)}\n`);
    else say(`\n${renderTimeline(rows)}`);
    say(`\nthe life cycle passed in ${((Date.now() - started) / 1000).toFixed(1)} s`);
    if (flags.keep) {
      say('\none more machine, to be looked at');
      await Promise.race([leaveMachine(cluster, sizes, say), interrupted.promise]);
      say(`\n${howToLook(cluster)}`);
      await interrupted.promise;
    }
    return 0;
  } catch (thrown) {
    say(cluster.logs());
    say(`\nFAILED: ${thrown instanceof Error ? thrown.message : String(thrown)}`);
    if (flags.keep) {
      say(`\n${howToLook(cluster)}`);
      await interrupted.promise;
    }
    return 1;
  } finally {
    await cluster.stop();
  }
}

function howToLook(cluster: Cluster): string {
  const { site } = cluster;
  const host = cluster.agent('host01');
  const at = (name: string) => `${name}:${cluster.one.model.datastoreLocation}/107/9`;
  const move = `${at('host01')} ${at('host02')} 9 107`;
  return [
    'everything keeps running until Ctrl-C. In another terminal:',
    ...['hosts', 'datastores', 'vms 9', 'ops list --all', `explain tm/mv ${move}`].map(
      (words) => `  packaging/onestorage ${words} --socket ${site.socket}`,
    ),
    '  and to see something move:',
    `  packaging/onestorage transfers --watch --socket ${site.socket}`,
    `  ONESTORAGE_SOCKET=${site.socket} ${site.remotes}/tm/agent_local/mv ${move}`,
    `  packaging/onestorage doctor --config ${site.controller.config} --remotes ${site.remotes} \\`,
    `    --oned-conf ${site.directory}/etc/oned.conf --vmm-execrc ${site.directory}/etc/vmm_execrc`,
    `  npx buf curl --cacert ${site.adminPki}/ca.pem --cert ${site.adminPki}/cert.pem --key ${site.adminPki}/key.pem \\`,
    `    --servername ${host.name} https://${host.address}/onestorage.v1.Hosts/Describe --data '{}' --protocol grpc`,
    `  logs: ${site.directory}/log    datastores of ${host.name}: ${host.datastores}`,
  ].join('\n');
}

const flags = readFlags();
process.exitCode = flags === undefined ? 2 : await main(flags);

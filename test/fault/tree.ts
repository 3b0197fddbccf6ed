import { createHash } from 'node:crypto';
import { lstat, readdir, readFile, readlink } from 'node:fs/promises';
import path from 'node:path';
import type { Cluster } from '../lab/cluster.ts';
import { HOSTS } from '../lab/site.ts';

/** Everything below a directory, a line each: what kind, how large, what it says. Sorted by name. Links are read, not followed. */
export async function treeOf(directory: string): Promise<readonly string[]> {
  const names = await readdir(directory).catch(() => []);
  const lines = await Promise.all(names.sort().map((name) => describeEntry(path.join(directory, name), name)));
  return lines.flat();
}

async function describeEntry(file: string, name: string): Promise<readonly string[]> {
  const info = await lstat(file);
  if (info.isSymbolicLink()) return [`${name} -> ${await readlink(file)}`];
  if (info.isFile()) {
    const digest = createHash('sha256')
      .update(await readFile(file))
      .digest('hex')
      .slice(0, 16);
    return [`${name} file ${info.size} ${digest}`];
  }
  if (!info.isDirectory()) return [`${name} neither file nor link`];
  return [`${name}/`, ...(await treeOf(file)).map((line) => `${name}/${line}`)];
}

/** All datastores of all hosts: what a refused or failed action must leave as it was. */
export async function treesOf(cluster: Cluster): Promise<readonly string[]> {
  const trees = await Promise.all(
    HOSTS.map(async (host) => (await treeOf(cluster.agent(host).datastores)).map((line) => `${host}: ${line}`)),
  );
  return trees.flat();
}

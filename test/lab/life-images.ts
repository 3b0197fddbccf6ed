import { mkdir, rm, stat } from 'node:fs/promises';
import path from 'node:path';
import type { LifeCluster } from './cluster.ts';
import { addDatastores } from './models.ts';
import type { Image } from './opennebula/model.ts';
import { digestOf, gzipFile, isoFile, makeRaw, qcow2File, startWebServer, type WebServer, zstdFile } from './origins.ts';
import type { Timeline } from './timeline.ts';
import { diskFacts, sameContent } from './tools.ts';

/** The images of the life cycle: made, served, registered and checked. */

const MIB = 1 << 20;

export interface LifeSizes {
  readonly osMb: number;
  readonly appMb: number;
  readonly dataMb: number;
}

export interface LifeImages {
  readonly os: Image;
  readonly app: Image;
  readonly data: Image;
  readonly cd: Image;
  readonly blank: Image;
  /** Raw files with the content each image must have. */
  readonly contents: Readonly<Record<'os' | 'app' | 'data' | 'cd', string>>;
}

export interface Origins {
  readonly directory: string;
  readonly web: WebServer;
  readonly contents: LifeImages['contents'];
}

/** Makes the files of the web server, and one in a directory that SAFE_DIRS allows. */
export async function makeOrigins(cluster: LifeCluster, sizes: LifeSizes): Promise<Origins> {
  const directory = path.join(cluster.site.directory, 'origins');
  await mkdir(directory, { recursive: true });
  const at = (name: string) => path.join(directory, name);
  await Promise.all([
    makeRaw(at('os.raw'), sizes.osMb, 0.25),
    makeRaw(at('app.raw'), sizes.appMb, 0.25),
    makeRaw(at('data.raw'), sizes.dataMb, 0.5),
  ]);
  await Promise.all([
    gzipFile(at('os.raw'), at('os.raw.gz')),
    qcow2File(at('app.raw'), at('app.qcow2')),
    zstdFile(at('data.raw'), at('data.raw.zst')),
    isoFile(at('cd.iso'), 'a disc of the lab\n'),
  ]);
  const contents = { os: at('os.raw'), app: at('app.raw'), data: at('data.raw'), cd: at('cd.iso') };
  return { directory, web: await startWebServer(directory), contents };
}

/** stat and cp of each image, monitor of the datastore, and mkfs of an empty one; after each the content is compared. */
export async function registerImages(cluster: LifeCluster, timeline: Timeline, origins: Origins): Promise<LifeImages> {
  const { images: datastore } = addDatastores(cluster.one.model, { SAFE_DIRS: origins.directory });
  const { url } = origins.web;
  const at = (name: string) => path.join(origins.directory, name);
  timeline.stage('register images');
  const os = await register({
    id: 1,
    name: 'os',
    type: 0,
    path: `${url}/os.raw.gz`,
    template: { MD5: await digestOf(at('os.raw.gz'), 'md5') },
  });
  const app = await register({
    id: 2,
    name: 'app',
    type: 0,
    path: `${url}/app.qcow2`,
    template: { SHA1: await digestOf(at('app.qcow2'), 'sha1') },
  });
  const data = await register({ id: 3, name: 'data', type: 2, path: at('data.raw.zst'), persistent: true });
  const cd = await register({ id: 4, name: 'cd', type: 1, path: `${url}/cd.iso` });
  const blank = await makeBlank();
  await monitor();
  return { os, app, data, cd, blank, contents: origins.contents };

  async function register(options: Pick<Image, 'id' | 'name' | 'type' | 'path'> & Partial<Image>): Promise<Image> {
    const image = newImage(datastore.id, options);
    const content = origins.contents[options.name as keyof LifeImages['contents']];
    const size = Math.ceil((await stat(content)).size / MIB);
    const told = await timeline.record(`stat ${image.name}`, cluster.one.stat(image.path, datastore.id));
    if (told.info !== String(size)) throw new Error(`stat of ${image.path}: ${told.info} MiB, expected ${size}`);
    image.sizeMb = size;
    cluster.one.model.images.set(image.id, image);
    const { info } = await timeline.record(`cp ${image.name}`, cluster.one.image('cp', image));
    const [source = '', format = ''] = info.split(' ');
    const expected = image.path.endsWith('.qcow2') ? 'qcow2' : 'raw';
    if (format !== expected) throw new Error(`cp of ${image.name} printed "${info}", expected format ${expected}`);
    Object.assign(image, { source, format });
    await sameContent(content, 'raw', source, format);
    timeline.verified(`${image.name} holds what was served (${format})`);
    return image;
  }

  async function makeBlank(): Promise<Image> {
    const image = newImage(datastore.id, { id: 5, name: 'blank', type: 2, path: '', format: 'qcow2', sizeMb: 64, fs: 'ext4' });
    cluster.one.model.images.set(image.id, image);
    image.source = (await timeline.record('mkfs blank', cluster.one.image('mkfs', image))).info;
    const facts = await diskFacts(image.source, 'qcow2');
    if (facts.virtualSize !== 64 * MIB || facts.backing !== undefined) throw new Error(`mkfs made ${JSON.stringify(facts)}`);
    timeline.verified('blank is an empty qcow2 image of 64 MiB');
    return image;
  }

  async function monitor(): Promise<void> {
    const { stdout } = await timeline.record('monitor', cluster.one.monitor(datastore.id));
    for (const key of ['USED_MB', 'TOTAL_MB', 'FREE_MB']) {
      if (!new RegExp(`(^|\\s)${key}=\\d+(\\s|$)`).test(stdout)) throw new Error(`monitor does not say ${key}: ${stdout}`);
    }
    timeline.verified('the datastore says how full it is');
  }
}

/** rm of every image; the datastore is empty afterwards, and a second rm is no error. */
export async function removeImages(cluster: LifeCluster, timeline: Timeline): Promise<void> {
  timeline.stage('remove images');
  for (const image of cluster.one.model.images.values()) await timeline.record(`rm ${image.name}`, cluster.one.image('rm', image));
  const [first] = cluster.one.model.images.values();
  if (first !== undefined) await timeline.record('rm again', cluster.one.image('rm', first));
  cluster.one.model.images.clear();
}

export async function stopOrigins(origins: Origins): Promise<void> {
  await origins.web.stop();
  await rm(origins.directory, { recursive: true, force: true });
}

export function newImage(datastoreId: number, options: Pick<Image, 'id' | 'name' | 'type' | 'path'> & Partial<Image>): Image {
  return {
    persistent: false,
    datastoreId,
    fs: '',
    template: {},
    source: '',
    format: '',
    sizeMb: 0,
    snapshots: [],
    nextSnapshot: 0,
    targetSnapshot: -1,
    ...options,
  };
}

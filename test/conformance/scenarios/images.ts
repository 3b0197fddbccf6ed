import path from 'node:path';
import {
  activeContent,
  content,
  diskNames,
  type Format,
  holds,
  isFile,
  layers,
  MIB,
  putDisk,
  SIZE,
  standsAlone,
  writeSparse,
} from '../contents.ts';
import { flatTree } from '../names.ts';
import type { Rig } from '../rig.ts';
import { BOTH, type Scenario } from '../scenario.ts';

/** Datastore actions on images without their snapshots. */

const IMAGE = 'a1'.repeat(16);
const NONE = /^$/;

/** The name of a new image, out of what the action printed. */
function nameIn(stdout: string): string {
  return path.basename(stdout.trim().split(' ')[0] ?? '');
}

async function origin(rig: Rig, format: Format): Promise<{ file: string; intact: ReturnType<typeof holds> }> {
  const name = `origin.${format}`;
  await putDisk(rig.origins, name, layers(format, 1, 'image'));
  const file = path.join(rig.origins, name);
  return { file, intact: holds(file, format, content(0)) };
}

const cp: Scenario = {
  action: 'ds/cp',
  formats: BOTH,
  prepare: async (rig, format) => {
    const from = await origin(rig, format);
    const image = rig.image({ name: 'new', path: from.file });
    return {
      call: () => rig.one.image('cp', image),
      stdout: new RegExp(`^/\\S+/106/[0-9a-f]{32} ${format}\n$`),
      after: (results) => {
        const names = results.map(({ stdout }) => nameIn(stdout));
        const made = names.map((name) => holds(rig.at('frontend', 106, name), format, content(0)));
        return { tree: flatTree('frontend:106', names), checks: [from.intact, ...made] };
      },
    };
  },
};

const mkfs: Scenario = {
  action: 'ds/mkfs',
  formats: BOTH,
  prepare: async (rig, format) => {
    const image = rig.image({ name: 'new', format, sizeMb: SIZE / MIB });
    return {
      call: () => rig.one.image('mkfs', image),
      stdout: /^\/\S+\/106\/[0-9a-f]{32}\n$/,
      after: (results) => {
        const names = results.map(({ stdout }) => nameIn(stdout));
        const checks = names.map((name) => holds(rig.at('frontend', 106, name), format, Buffer.alloc(SIZE)));
        return { tree: flatTree('frontend:106', names), checks };
      },
    };
  },
};

const saveAs: Scenario = {
  action: 'ds/mkfs',
  variant: 'save_as',
  formats: ['-'],
  prepare: async (rig) => {
    const image = rig.image({ name: 'new', format: 'save_as', sizeMb: SIZE / MIB });
    const stdout = /^\/\S+\/106\/[0-9a-f]{32}\n$/;
    return { call: () => rig.one.image('mkfs', image), stdout, after: () => ({ tree: [], checks: [] }) };
  },
};

const rm: Scenario = {
  action: 'ds/rm',
  variant: 'with snapshots',
  formats: BOTH,
  prepare: async (rig, format) => {
    const other = layers(format, 1, 'image');
    await rig.put(rig.at('frontend', 106), IMAGE, layers(format, 3, 'image', 'disk.0'));
    await rig.put(rig.at('frontend', 106), `${IMAGE}0`, other);
    await writeSparse(rig.at('frontend', 106, `${IMAGE}.md5sum`), Buffer.from('stock\n'));
    const image = rig.image({ name: 'old', format, source: rig.source(IMAGE) });
    // An image whose name begins the same stays.
    const kept = holds(rig.at('frontend', 106, `${IMAGE}0`), format, activeContent(other));
    return {
      call: () => rig.one.image('rm', image),
      stdout: NONE,
      after: () => ({ tree: flatTree('frontend:106', diskNames(`${IMAGE}0`, other)), checks: [kept] }),
    };
  },
};

const stat: Scenario = {
  action: 'ds/stat',
  formats: BOTH,
  prepare: async (rig, format) => {
    const from = await origin(rig, format);
    return {
      call: () => rig.one.stat(from.file, 106),
      stdout: /^4\n$/,
      after: () => ({ tree: [], checks: [from.intact] }),
    };
  },
};

const clone: Scenario = {
  action: 'ds/clone',
  formats: BOTH,
  prepare: async (rig, format) => {
    const shape = layers(format, 1, 'image');
    await rig.put(rig.at('frontend', 106), IMAGE, shape);
    const image = rig.image({ name: 'copy', format, path: rig.source(IMAGE), sizeMb: SIZE / MIB });
    return {
      call: () => rig.one.image('clone', image),
      stdout: new RegExp(`^/\\S+/106/[0-9a-f]{32} ${format}\n$`),
      after: (results) => {
        const names = [IMAGE, ...results.map(({ stdout }) => nameIn(stdout))];
        const checks = names.flatMap((name) => {
          const file = rig.at('frontend', 106, name);
          return [holds(file, format, content(0)), standsAlone(file, format)];
        });
        return { tree: flatTree('frontend:106', names), checks };
      },
    };
  },
};

const monitor: Scenario = {
  action: 'ds/monitor',
  formats: ['-'],
  prepare: async (rig) => {
    await rig.put(rig.at('frontend', 106), IMAGE, layers('raw', 1, 'image'));
    return {
      call: () => rig.one.monitor(106),
      stdout: /^USED_MB=\d+ TOTAL_MB=\d+ FREE_MB=\d+\n$/,
      after: () => ({ tree: flatTree('frontend:106', [IMAGE]), checks: [isFile(rig.at('frontend', 106, IMAGE), content(0))] }),
    };
  },
};

const exported: Scenario = {
  action: 'ds/export',
  formats: BOTH,
  prepare: async (rig, format) => {
    await rig.put(rig.at('frontend', 106), IMAGE, layers(format, 1, 'image'));
    const image = rig.image({ name: 'offered', format, source: rig.source(IMAGE), sizeMb: SIZE / MIB });
    return {
      call: () => rig.one.image('export', image),
      stdout: new RegExp(
        `^<IMPORT_INFO><IMPORT_SOURCE>.*/106/${IMAGE}.*</IMPORT_SOURCE><MD5>.*[0-9a-f]{32}.*</MD5><SIZE>.*4.*</SIZE><FORMAT>.*${format}.*</FORMAT>.*</IMPORT_INFO>\n$`,
      ),
      after: () => ({ tree: flatTree('frontend:106', [IMAGE]), checks: [holds(rig.at('frontend', 106, IMAGE), format, content(0))] }),
    };
  },
};

export const images: readonly Scenario[] = [cp, mkfs, saveAs, rm, stat, clone, monitor, exported];

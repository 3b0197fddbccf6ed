import { execFile } from 'node:child_process';
import { copyFileSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { promisify } from 'node:util';
import { contents } from '../contents.ts';
import type { PackageOrder } from '../deb/build.ts';
import { ROOT } from '../places.ts';
import { ARCHITECTURES } from '../sea/node.ts';
import { settle, stage } from '../stage.ts';
import { specFile } from './spec.ts';

const SCRIPTLETS = ['post', 'preun', 'postun'] as const;

/** Makes one .rpm; gives its path. */
export async function buildRpm({ daemon, architecture, version, ingredients, work, out }: PackageOrder): Promise<string> {
  const name = `onestorage-${daemon}`;
  const root = join(work, 'root');
  const files = await contents(daemon, ingredients);
  stage(files, root);
  settle(root, ingredients.date);
  const scriptlets = SCRIPTLETS.map((part) => [part, readFileSync(join(ROOT, 'packaging/rpm', `${name}.${part}`), 'utf8')]);
  const [upstream = '', release = ''] = version.split('-');
  const facts = { version: upstream, release, files, root, scriptlets: Object.fromEntries(scriptlets), ...ingredients };
  const spec = join(work, `${name}.spec`);
  writeFileSync(spec, specFile(daemon, facts));
  mkdirSync(join(work, 'rpms'));
  const defines = {
    _topdir: join(work, 'build'),
    _rpmdir: join(work, 'rpms'),
    _rpmfilename: '%%{NAME}-%%{VERSION}-%%{RELEASE}.%%{ARCH}.rpm',
    // The same input gives the same bytes, wherever and whenever.
    _buildhost: 'onestorage',
    use_source_date_epoch_as_buildtime: '1',
    clamp_mtime_to_source_date_epoch: '1',
    source_date_epoch_from_changelog: '0',
    _binary_payload: 'w10.zstdio',
    // Nothing was compiled here: there are no symbols to split off, and the program must not be changed.
    debug_package: '%{nil}',
    __os_install_post: '%{nil}',
    _build_id_links: 'none',
  };
  const words = Object.entries(defines).flatMap(([key, value]) => ['--define', `${key} ${value}`]);
  await promisify(execFile)('rpmbuild', ['-bb', '--quiet', '--target', `${ARCHITECTURES[architecture].rpm}-linux`, ...words, spec], {
    env: { ...process.env, SOURCE_DATE_EPOCH: String(ingredients.date) },
  });
  const [made = ''] = readdirSync(join(work, 'rpms'));
  const file = join(out, basename(made));
  copyFileSync(join(work, 'rpms', made), file);
  return file;
}

import { execFileSync } from 'node:child_process';

/** Debian's package of each library that Node is linked with. */
const PACKAGES: Readonly<Record<string, string>> = {
  'libatomic.so.1': 'libatomic1',
  'libgcc_s.so.1': 'libgcc-s1',
  'libstdc++.so.6': 'libstdc++6',
};
const C_LIBRARY = /^(?:libc|libdl|libm|libpthread|librt)\.so\.\d|^ld-linux/u;

/** What dpkg-shlibdeps would say, which knows only libraries of the architecture it runs on. Throws for a library it does not know. */
export function libraryPackages(program: string): readonly string[] {
  const dynamic = execFileSync('readelf', ['--wide', '--dynamic', program], { encoding: 'utf8' });
  const libraries = [...dynamic.matchAll(/\(NEEDED\).*\[(.+)\]/gu)].map(([, name = '']) => name);
  const others = libraries.filter((name) => !C_LIBRARY.test(name)).map(packageOf);
  return [`libc6 (>= ${cVersion(program)})`, ...others].sort();
}

function packageOf(library: string): string {
  const found = PACKAGES[library];
  if (found === undefined) throw new Error(`Node needs ${library}: say in packaging/deb/libraries.ts which package of Debian has it`);
  return found;
}

/** The newest version of the C library that the program asks for. */
function cVersion(program: string): string {
  const versions = execFileSync('readelf', ['--wide', '--version-info', program], { encoding: 'utf8', maxBuffer: 1 << 28 });
  const found = [...versions.matchAll(/GLIBC_2\.(\d+)/gu)].map(([, minor]) => Number(minor));
  return `2.${Math.max(...found)}`;
}

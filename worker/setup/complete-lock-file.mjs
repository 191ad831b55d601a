/**
 * Completes package-lock.json: `node worker/setup/complete-lock-file.mjs [folder]`, after every `npm install`.
 *
 * Packages with a binary for each platform name them all as optional dependencies. npm leaves those out of the lock
 * file that its registry does not have (a mirror with the packages of some platforms only), and `npm ci` then refuses
 * the file everywhere. This adds an entry for each, with the exact version that its parent asks for and the platform
 * that its name says, so `npm ci` works on all platforms and passes over those of others.
 */
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';

/**
 * @typedef {{ version?: string, os?: string[], cpu?: string[], libc?: string[], dev?: boolean, optional?: boolean,
 *   optionalDependencies?: Record<string, string>, engines?: Record<string, string>, license?: string }} LockEntry
 * @typedef {{ packages: Record<string, LockEntry> }} LockFile
 */

const systems = ['aix', 'android', 'darwin', 'freebsd', 'linux', 'netbsd', 'openbsd', 'openharmony', 'sunos', 'win32'];
const processors = ['arm64', 'arm', 'ia32', 'loong64', 'mips64el', 'ppc64', 'riscv64', 's390x', 'x64'];

/**
 * The entries that are missing, by their place in the tree.
 *
 * @param {LockFile} lockFile
 * @returns {Record<string, LockEntry>}
 */
export function missingEntries({ packages }) {
  /** @type {Record<string, LockEntry>} */
  const missing = {};
  for (const [place, parent] of Object.entries(packages)) {
    for (const [name, version] of Object.entries(parent.optionalDependencies ?? {})) {
      if (isPresent(packages, place, name)) continue;
      if (!/^\d+\.\d+\.\d+/.test(version)) {
        throw new Error(`${place} wants ${name}@${version}: only exact versions of platform packages can be added.`);
      }
      const { cpu, libc, os } = platformOf(name);
      // In npm's own order of keys, so that the next `npm install` changes nothing.
      missing[`node_modules/${name}`] = {
        version,
        cpu,
        ...(parent.dev ? { dev: true } : {}),
        ...(libc ? { libc } : {}),
        optional: true,
        os,
      };
    }
  }
  return missing;
}

/**
 * Whether a package finds this one: in its own node_modules or in those above it.
 *
 * @param {LockFile['packages']} packages
 * @param {string} place
 * @param {string} name
 */
function isPresent(packages, place, name) {
  for (let at = place; ; at = at.slice(0, Math.max(at.lastIndexOf('node_modules/') - 1, 0))) {
    if (`${at === '' ? '' : `${at}/`}node_modules/${name}` in packages) return true;
    if (at === '') return false;
  }
}

/** @param {string} name such as `@oxlint/binding-linux-arm64-musl` */
function platformOf(name) {
  const words = name.split(/[/-]/);
  const os = systems.find((system) => words.includes(system));
  const cpu = processors.find((processor) => words.includes(processor));
  if (os === undefined || cpu === undefined) throw new Error(`The name ${name} does not say its platform.`);
  const libc = words.some((word) => word.startsWith('musl')) ? 'musl' : 'glibc';
  return { cpu: [cpu], os: [os], libc: os === 'linux' ? [libc] : undefined };
}

/** @param {string} folder */
function complete(folder) {
  const path = join(folder, 'package-lock.json');
  const lockFile = JSON.parse(readFileSync(path, 'utf8'));
  const missing = missingEntries(lockFile);
  const entries = Object.entries({ ...lockFile.packages, ...missing });
  entries.sort(([one], [other]) => one.localeCompare(other, 'en'));
  lockFile.packages = Object.fromEntries(entries);
  writeFileSync(path, `${JSON.stringify(lockFile, undefined, 2)}\n`);
  console.log(`${path}: ${Object.keys(missing).length} entries added`);
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? '').href) complete(process.argv[2] ?? '.');

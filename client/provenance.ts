import { execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync } from 'node:fs';
import { readdir, readFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import type { Provenance } from '../workflows/sdk/provenance.js';

/** A longer diff is recorded by its digest only. */
const maxDiffBytes = 64 * 1024;

const lockFileNames = new Set([
  'package-lock.json',
  'npm-shrinkwrap.json',
  'pnpm-lock.yaml',
  'yarn.lock',
  'bun.lock',
  'bun.lockb',
  'uv.lock',
  'poetry.lock',
  'pdm.lock',
  'Pipfile.lock',
  'conda-lock.yml',
]);

/** Folders where a project keeps its Python requirements, besides its own. */
const pythonFolders = ['', 'python'];

/**
 * What reproduces a run that is started from this folder: commit and uncommitted changes, lock files, pinned Python
 * packages, platform. Outside of a git checkout the commit is left out. Untracked files are not part of the diff.
 */
export async function gatherProvenance(cwd: string): Promise<Provenance> {
  const [commit, diff, lockFiles, packages, python, evertrain] = await Promise.all([
    git(cwd, ['rev-parse', 'HEAD']),
    git(cwd, ['diff', 'HEAD', '--binary', '--no-ext-diff', '--no-color', '--no-textconv']),
    lockFilesOf(cwd),
    pythonPackages(cwd),
    pythonVersion(cwd),
    ownVersion(),
  ]);
  return {
    ...(commit === undefined ? {} : { commit: commit.toString('utf8').trim() }),
    ...diffFields(diff),
    lockFiles,
    node: process.version,
    ...(python === undefined ? {} : { python }),
    ...(packages === undefined ? {} : { pythonPackages: packages }),
    platform: `${process.platform}-${process.arch}`,
    evertrain,
  };
}

function diffFields(diff: Buffer | undefined): Pick<Provenance, 'dirtyDiffSha256' | 'dirtyDiff'> {
  if (diff === undefined || diff.length === 0) return {};
  const text = diff.length > maxDiffBytes ? {} : { dirtyDiff: diff.toString('utf8') };
  return { dirtyDiffSha256: sha256(diff), ...text };
}

/** `undefined` where git is missing, the folder is no checkout, or it has no commit yet. */
async function git(cwd: string, args: readonly string[]): Promise<Buffer | undefined> {
  try {
    const options = { cwd, encoding: 'buffer', maxBuffer: 256 * 1024 * 1024, timeout: 20_000 } as const;
    // Reading must not write: git would refresh its index on the way.
    const env = { ...process.env, GIT_OPTIONAL_LOCKS: '0' };
    return (await promisify(execFile)('git', args, { ...options, env })).stdout;
  } catch {
    return undefined;
  }
}

async function lockFilesOf(cwd: string): Promise<Record<string, string>> {
  const found: Record<string, string> = {};
  for (const folder of pythonFolders) {
    const entries = await readdir(join(cwd, folder)).catch(() => []);
    for (const name of entries.toSorted((a, b) => (a < b ? -1 : 1))) {
      if (!lockFileNames.has(name) && !isRequirements(name)) continue;
      const bytes = await readFile(join(cwd, folder, name)).catch(() => undefined);
      if (bytes !== undefined) found[folder === '' ? name : `${folder}/${name}`] = sha256(bytes);
    }
  }
  return found;
}

function isRequirements(name: string): boolean {
  return /^requirements.*\.(txt|lock)$/.test(name);
}

/** The pinned packages (`name==version`) of the project's requirement files. */
async function pythonPackages(cwd: string): Promise<Record<string, string> | undefined> {
  const found: Record<string, string> = {};
  for (const folder of pythonFolders) {
    const entries = await readdir(join(cwd, folder)).catch(() => []);
    for (const name of entries.filter(isRequirements).sort()) {
      const text = await readFile(join(cwd, folder, name), 'utf8').catch(() => '');
      for (const [, name, version] of text.matchAll(/^\s*([A-Za-z0-9._-]+)(?:\[[^\]]*\])?\s*==\s*([^\s;#\\]+)/gm)) {
        if (name !== undefined && version !== undefined) found[name.toLowerCase()] = version;
      }
    }
  }
  return Object.keys(found).length === 0 ? undefined : found;
}

/** Of the interpreter that the project asks for, where it says so: no interpreter is started for this. */
async function pythonVersion(cwd: string): Promise<string | undefined> {
  const text = await readFile(join(cwd, '.python-version'), 'utf8').catch(() => '');
  const version = text.split('\n')[0]?.trim();
  return version === '' ? undefined : version;
}

async function ownVersion(): Promise<string> {
  for (let folder = dirname(fileURLToPath(import.meta.url)); ; folder = dirname(folder)) {
    const path = join(folder, 'package.json');
    if (existsSync(path)) {
      const { name, version } = JSON.parse(await readFile(path, 'utf8')) as { name?: string; version?: string };
      if (name === 'evertrain') return version ?? 'unknown';
    }
    if (folder === dirname(folder)) return 'unknown';
  }
}

function sha256(bytes: Uint8Array): string {
  return createHash('sha256').update(bytes).digest('hex');
}

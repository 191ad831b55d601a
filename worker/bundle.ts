import { createHash, randomUUID } from 'node:crypto';
import { existsSync, readFileSync } from 'node:fs';
import { readFile, rename, rm } from 'node:fs/promises';
import { dirname, isAbsolute, join, relative, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { type BundleOptions, bundleWorkflowCode, DefaultLogger, type Logger } from '@temporalio/worker';
import { inDirectory, onDisk, syncDirectory, writeSynced } from '../activities/sdk/durable-files.js';
import { packageFile } from '../activities/sdk/jobs/package-file.js';
import { EvertrainError } from '../workflows/sdk/errors.js';

/** Workflow code of a project, ready for workers. */
export interface Bundle {
  readonly code: string;
  /** First 12 hex digits of the code's SHA-256: the version that open runs stay with. */
  readonly version: string;
}

/**
 * Bundles workflows/index.ts (its default export is the project) with Evertrain's interceptors. USER_CODE_FAILED says
 * where code does not parse or imports what there is not.
 */
export async function bundleProject(
  workflowsPath: string,
  logger: Logger = new DefaultLogger('WARN'),
  webpackConfigHook?: NonNullable<BundleOptions['webpackConfigHook']>,
): Promise<Bundle> {
  if (!existsSync(workflowsPath)) {
    throw new EvertrainError('USER_FILE_NOT_FOUND', `There are no workflows at ${workflowsPath}.`, {
      value: workflowsPath,
      remedy: 'Start in the folder of the project, or pass the path of its workflows/index.ts.',
    });
  }
  const failures: string[] = [];
  const bundled = await bundleWorkflowCode({
    workflowsPath: resolve(workflowsPath),
    workflowInterceptorModules: [sdkFile('interceptors')],
    preloadModules: [sdkFile('preload')],
    ...(webpackConfigHook === undefined ? {} : { webpackConfigHook }),
    logger: new DefaultLogger('WARN', ({ level, message, meta }) => {
      if (level === 'ERROR') failures.push(message);
      else logger.log(level, message, meta);
    }),
  }).catch((cause: unknown) => {
    throw new EvertrainError('USER_CODE_FAILED', `${workflowsPath} cannot be bundled: ${reason(failures, cause)}`, {
      value: workflowsPath,
      cause,
    });
  });
  return bundleOf(`/* ${madeBy()} */${withoutPackageSources(bundled.code)}`);
}

/**
 * What a bundle begins with: code bundled with one SDK must not run on another. In no line of its own, or the lines of
 * the source map would be wrong by one.
 */
function madeBy(): string {
  const { version, dependencies } = JSON.parse(readFileSync(packageFile('package.json'), 'utf8')) as {
    version: string;
    dependencies: Record<string, string>;
  };
  return `evertrain ${version}, @temporalio/workflow ${dependencies['@temporalio/workflow']}`;
}

/** What each bundle is made with beside the project's workflows. */
export function bundledWith(): readonly string[] {
  return [madeBy(), sdkFile('interceptors'), sdkFile('preload')];
}

/** What the bundler found wrong: its list of modules and its own stack tell a user nothing. */
function reason(failures: readonly string[], cause: unknown): string {
  const errors = failures.flatMap((text) => text.split(/^(?=ERROR in )/m).filter((part) => part.startsWith('ERROR')));
  const said = errors.map((part) => part.split(/^(?:Caused by|Stack backtrace|\s*@ |webpack )/m)[0]?.trim());
  return said.length > 0 ? said.join('\n') : String((cause as Error).message ?? cause);
}

export function bundleOf(code: string): Bundle {
  return { code, version: createHash('sha256').update(code).digest('hex').slice(0, 12) };
}

/** Keeps the bundle on disk, so that runs of this version can be finished after a restart with other code. */
export async function saveBundle(bundle: Bundle, folder: string): Promise<string> {
  const path = join(folder, `${bundle.version}.js`);
  if (!existsSync(path)) await writeBundle(bundle, path);
  return path;
}

export async function loadBundle(path: string): Promise<Bundle> {
  const code = await readFile(path, 'utf8').catch((error: unknown) => {
    throw new EvertrainError('USER_FILE_NOT_FOUND', `The bundle ${path} cannot be read.`, {
      value: path,
      remedy: 'Build it with `evertrain worker --build-bundle <file>`.',
      cause: error,
    });
  });
  const [, by] = /^\/\* (evertrain [^*]*) \*\//.exec(code) ?? [];
  if (by === madeBy()) return bundleOf(code);
  const made = by === undefined ? 'is not a bundle' : `was built by ${by}`;
  throw new EvertrainError('USER_OPTION_INVALID', `${path} ${made}; this is ${madeBy()}.`, {
    value: path,
    remedy: 'Build it again: evertrain worker --build-bundle <file>.',
  });
}

/**
 * The bundle of a file, for the workflows as they are: USER_OPTION_INVALID where a source that it was built from is there
 * and differs. Sources are found by their place beside workflows/index.ts, so it may have been built on another machine;
 * those that are not there (production may hold compiled code only) are not compared.
 */
export async function loadBundleOf(path: string, workflowsPath: string): Promise<Bundle> {
  const bundle = await loadBundle(path);
  const folder = dirname(resolve(workflowsPath));
  const differ: string[] = [];
  for (const [place, text] of projectSources(bundle, path)) {
    const file = resolve(folder, place);
    const now = await readFile(file, 'utf8').catch(() => undefined);
    if (now !== undefined && now !== text) differ.push(relative(process.cwd(), file));
  }
  if (differ.length === 0) return bundle;
  const more = differ.length > 3 ? ` and ${differ.length - 3} more` : '';
  const names = `${differ.slice(0, 3).join(', ')}${more}`;
  throw new EvertrainError(
    'USER_OPTION_INVALID',
    `${path} was built from other workflows than these; changed since: ${names}.`,
    {
      value: path,
      remedy: 'Build it again: evertrain worker --build-bundle <file>.',
    },
  );
}

/** What the project's own files (not packages, which the lock file pins) held, by their place in the workflows folder. */
function projectSources({ code }: Bundle, path: string): Map<string, string> {
  const found = new Map<string, string>();
  try {
    const { sources, sourcesContent } = sourceMapOf(code);
    const entry = sources.find((source) => source.endsWith(generatedEntry)) ?? '';
    for (const [n, source] of sources.entries()) {
      if (isOwn(source)) found.set(relative(dirname(entry), source), sourcesContent?.[n] ?? '');
    }
  } catch (cause) {
    throw new EvertrainError('USER_OPTION_INVALID', `${path} is not a whole bundle: its source map is not readable.`, {
      value: path,
      remedy: 'Build it again: evertrain worker --build-bundle <file>.',
      cause,
    });
  }
  return found;
}

interface SourceMap {
  readonly sources: readonly string[];
  readonly sourcesContent?: readonly (string | null)[];
}

const inlineMap = /\n\/\/# sourceMappingURL=data:[^,\s]+;base64,([\w+/=]+)\s*$/;

function sourceMapOf(code: string): SourceMap {
  const [, map = ''] = inlineMap.exec(code) ?? [];
  return JSON.parse(Buffer.from(map, 'base64').toString()) as SourceMap;
}

/** Of the project, not of a package or the SDK's own. */
function isOwn(source: string): boolean {
  return isAbsolute(source) && !/[\\/]node_modules[\\/]/.test(source) && !source.endsWith(generatedEntry);
}

/** The text of packages is a quarter of a bundle. Nobody reads it, and each worker would hold it several times. */
function withoutPackageSources(code: string): string {
  const map = sourceMapOf(code);
  const sourcesContent = map.sourcesContent?.map((text, n) => (isOwn(map.sources[n] ?? '') ? text : null));
  const text = Buffer.from(JSON.stringify({ ...map, sourcesContent })).toString('base64');
  return code.replace(inlineMap, () => `\n//# sourceMappingURL=data:application/json;base64,${text}`);
}

/** What the SDK calls the file that it makes beside the workflows, to start the bundle with. */
const generatedEntry = '-autogenerated-entrypoint.cjs';

/** Writes a bundle to a file of one's own, whole or not at all: SYSTEM_STORE_UNAVAILABLE. */
export async function writeBundle(bundle: Bundle, path: string): Promise<void> {
  const folder = dirname(resolve(path));
  const temporary = `${path}.${randomUUID()}.tmp`;
  await onDisk('write', path, async () => {
    try {
      await inDirectory(folder, () => writeSynced(temporary, bundle.code));
      await rename(temporary, path);
    } finally {
      await rm(temporary, { force: true });
    }
    await syncDirectory(folder);
  });
}

/** The SDK's own file beside this one: .ts in a checkout, .js in the package. */
function sdkFile(name: string): string {
  const base = join(dirname(fileURLToPath(import.meta.url)), '..', 'workflows', 'sdk', name);
  return existsSync(`${base}.js`) ? `${base}.js` : `${base}.ts`;
}

import { createHash } from 'node:crypto';
import { existsSync } from 'node:fs';
import { mkdir, readFile, rename, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { bundleWorkflowCode, DefaultLogger, type Logger } from '@temporalio/worker';
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
): Promise<Bundle> {
  if (!existsSync(workflowsPath)) {
    throw new EvertrainError('USER_FILE_NOT_FOUND', `There are no workflows at ${workflowsPath}.`, {
      value: workflowsPath,
      remedy: 'Start in the folder of the project, or pass the path of its workflows/index.ts.',
    });
  }
  const failures: string[] = [];
  const bundled = await bundleWorkflowCode({
    workflowsPath,
    workflowInterceptorModules: [sdkFile('interceptors')],
    preloadModules: [sdkFile('preload')],
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
  return withVersion(bundled.code);
}

/** What the bundler found wrong: its list of modules and its own stack tell a user nothing. */
function reason(failures: readonly string[], cause: unknown): string {
  const errors = failures.flatMap((text) => text.split(/^(?=ERROR in )/m).filter((part) => part.startsWith('ERROR')));
  const said = errors.map((part) => part.split(/^(?:Caused by|Stack backtrace|\s*@ |webpack )/m)[0]?.trim());
  return said.length > 0 ? said.join('\n') : String((cause as Error).message ?? cause);
}

function withVersion(code: string): Bundle {
  return { code, version: createHash('sha256').update(code).digest('hex').slice(0, 12) };
}

/** Keeps the bundle on disk, so that runs of this version can be finished after a restart with other code. */
export async function saveBundle(bundle: Bundle, folder: string): Promise<string> {
  await mkdir(folder, { recursive: true });
  const path = join(folder, `${bundle.version}.js`);
  if (existsSync(path)) return path;
  const temporary = `${path}.${process.pid}.tmp`;
  await writeFile(temporary, bundle.code);
  await rename(temporary, path);
  return path;
}

export async function loadBundle(path: string): Promise<Bundle> {
  const code = await readFile(path, 'utf8').catch((error: unknown) => {
    throw new EvertrainError('USER_FILE_NOT_FOUND', `The bundle ${path} cannot be read.`, {
      value: path,
      remedy: 'Build it with `evertrain worker --build-bundle`.',
      cause: error,
    });
  });
  return withVersion(code);
}

/** The SDK's own file beside this one: .ts in a checkout, .js in the package. */
function sdkFile(name: string): string {
  const base = join(dirname(fileURLToPath(import.meta.url)), '..', 'workflows', 'sdk', name);
  return existsSync(`${base}.js`) ? `${base}.js` : `${base}.ts`;
}

import { readFile } from 'node:fs/promises';
import type { ArtifactStore } from '../activities/sdk/ports.js';
import { EvertrainError, isEvertrainError } from '../workflows/sdk/errors.js';
import type { Deployment, Servable } from '../workflows/sdk/model/deployment.js';
import { OnnxSession } from './onnx-session.js';
import { ServedVersion } from './served-version.js';
import { signatureDifference } from './signature.js';

export interface LoadOptions {
  readonly store: ArtifactStore;
  readonly maxBatch: number;
  readonly maxWaiting: number;
  readonly log: (message: string) => void;
  /** Told of the ONNX bytes of each version that is loaded. */
  readonly learn?: ((model: string, version: string, onnx: Uint8Array) => void) | undefined;
}

/** What serves a deployment. The challenger is absent where there is none, and where it `problem` tells why it is not loaded. */
export interface LoadedVersions {
  readonly champion: ServedVersion;
  readonly challenger?: ServedVersion;
  readonly problem?: string;
}

/**
 * Loads what a deployment names; versions that serve already are kept as they are. SYSTEM_DEPLOY_FAILED, and nothing
 * stays loaded that was not before, when one cannot serve. After a restart the champion `mayServeAlone`.
 */
export async function loadVersions(
  deployment: Deployment,
  serving: readonly ServedVersion[],
  options: LoadOptions & { readonly mayServeAlone: boolean },
): Promise<LoadedVersions> {
  const { model, challenger: named } = deployment;
  const champion = await keepOrLoad(model, deployment, serving, options);
  if (named === undefined) return { champion };
  try {
    return { champion, challenger: await loadChallenger(model, named, champion, serving, options) };
  } catch (error) {
    if (options.mayServeAlone) return { champion, problem: (error as Error).message };
    if (!serving.includes(champion)) await champion.retire();
    throw error;
  }
}

async function loadChallenger(
  model: string,
  named: Servable,
  champion: ServedVersion,
  serving: readonly ServedVersion[],
  options: LoadOptions,
): Promise<ServedVersion> {
  const challenger = await keepOrLoad(model, named, serving, options);
  const difference = signatureDifference(champion, challenger);
  if (difference === undefined) return challenger;
  if (!serving.includes(challenger)) await challenger.retire();
  throw failed(model, named, `it cannot stand in for version ${champion.version}: ${difference}`);
}

async function keepOrLoad(
  model: string,
  servable: Servable,
  serving: readonly ServedVersion[],
  options: LoadOptions,
): Promise<ServedVersion> {
  const kept = serving.find((version) => version.is(servable));
  const version = kept ?? (await load(model, servable, options));
  const problem = await version.check(servable.golden);
  if (problem === undefined) return version;
  if (kept === undefined) await version.retire();
  throw failed(model, servable, `it answers its golden request wrongly: ${problem}`);
}

async function load(model: string, servable: Servable, options: LoadOptions): Promise<ServedVersion> {
  const what = `${model} version ${servable.version}`;
  try {
    const bytes = await readFile(await options.store.materialize(servable.artifact));
    const session = await OnnxSession.load(bytes, what);
    options.learn?.(model, servable.version, bytes);
    const log = (message: string): void => options.log(`${what}: ${message}`);
    return new ServedVersion(servable, session, { ...options, sizeBytes: bytes.length, log });
  } catch (error) {
    if (isEvertrainError(error) && error.code === 'SYSTEM_DEPLOY_FAILED') throw error;
    throw failed(model, servable, (error as Error).message, error);
  }
}

/** SYSTEM_DEPLOY_FAILED, naming the version. */
export function failed(model: string, { version }: Servable, reason: string, cause?: unknown): EvertrainError {
  return new EvertrainError('SYSTEM_DEPLOY_FAILED', `${model} version ${version} is not deployed: ${reason}`, {
    cause,
  });
}

import { randomUUID } from 'node:crypto';
import { mkdirSync, writeFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { forEachArtifact, type Artifact } from '../../../workflows/sdk/artifact.js';
import { EvertrainError, isEvertrainError } from '../../../workflows/sdk/errors.js';
import type { StepContext } from '../context.js';

/** What a job finds in the JSON file that EVERTRAIN_JOB names. Fields are added, never changed. */
export interface JobDocument {
  /** The step's input; artifacts are references. */
  readonly input: unknown;
  /** SHA-256 of each artifact of the input → path of a read-only file or directory on this machine. */
  readonly artifacts: Readonly<Record<string, string>>;
  readonly context: {
    readonly workflowId: string;
    readonly runId: string;
    readonly pipeline: string;
    readonly stepId: string;
    readonly stepName: string;
    readonly attempt: number;
    readonly seed: number;
    readonly idempotencyKey: string;
  };
  /** The checkpoint to go on from. */
  readonly checkpoint?: {
    readonly path: string;
    readonly meta: Readonly<Record<string, unknown>>;
    readonly sequence: number;
  };
  /** An empty folder of the job's own. Relative paths in its output and events start here. */
  readonly workDir: string;
  /** Where the output document goes, by rename. */
  readonly outputPath: string;
  /** `file.py:function`, `file.py`, or the program of a command. */
  readonly target: string;
  /** Captures MLflow's calls (Python). */
  readonly mlflow?: true;
  /** Leaves its process to the next job of the target (Python). */
  readonly reuse?: true;
}

export interface JobFiles {
  /** The document's own path, unique to the attempt. */
  readonly path: string;
  readonly document: JobDocument;
}

/**
 * Fetches the input's artifacts and the checkpoint, and writes the job's document into the attempt's work folder: at once,
 * as the way over Node's threads takes a short job longer than to write so little.
 */
export async function writeJobDocument(
  job: { readonly target: string; readonly input: unknown; readonly mlflow?: boolean; readonly reuse?: boolean },
  context: StepContext,
): Promise<JobFiles> {
  const workDir = resolve(context.workDir, `job-${randomUUID()}`);
  const [artifacts, checkpoint] = await Promise.all([artifactPaths(job.input, context), resumePoint(context)]);
  context.signal.throwIfAborted();
  mkdirSync(workDir, { recursive: true });
  const { run, step, attempt, seed, idempotencyKey } = context;
  const document: JobDocument = {
    input: job.input ?? null,
    artifacts,
    context: { ...run, stepId: step.id, stepName: step.name, attempt, seed, idempotencyKey },
    ...(checkpoint === undefined ? {} : { checkpoint }),
    workDir,
    outputPath: `${workDir}-output.json`,
    target: job.target,
    ...(job.mlflow === true ? { mlflow: true } : {}),
    ...(job.reuse === true ? { reuse: true } : {}),
  };
  const path = `${workDir}.json`;
  writeFileSync(path, asJson(document));
  return { path, document };
}

function asJson(document: JobDocument): string {
  try {
    return JSON.stringify(document);
  } catch (cause) {
    throw new EvertrainError('USER_INPUT_INVALID', `The step's input is no JSON: ${(cause as Error).message}.`, {
      remedy: 'Decode to JSON values only in the input schema of a step that a job runs.',
      cause,
    });
  }
}

async function artifactPaths(input: unknown, context: StepContext): Promise<Record<string, string>> {
  const wanted = new Map<string, Artifact>();
  forEachArtifact(input, (artifact) => wanted.set(artifact.sha256, artifact));
  const paths: Record<string, string> = {};
  // One after the other: a store that fetches from afar already streams each at full speed.
  for (const [sha256, artifact] of wanted) paths[sha256] = resolve(await context.artifacts.path(artifact));
  return paths;
}

/** A checkpoint that can no longer be read costs the work since the start, not the run. */
async function resumePoint(context: StepContext): Promise<JobDocument['checkpoint']> {
  const found = await context.checkpoints.load();
  if (found === undefined) return undefined;
  try {
    return { path: resolve(await context.artifacts.path(found.artifact)), meta: found.meta, sequence: found.sequence };
  } catch (error) {
    const gone = isEvertrainError(error) && error.code.startsWith('SYSTEM_ARTIFACT_');
    if (!gone) throw error;
    context.log.warn(`Checkpoint ${found.sequence} is left out, the job starts anew: ${error.message}`);
    return undefined;
  }
}

import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Checkpoint, StepContext } from '../../activities/sdk/context.js';
import { putDirectory } from '../../activities/sdk/store/directory.js';
import { fileArtifactStore } from '../../activities/sdk/store/file-artifact-store.js';
import { mediaTypeOf } from '../../activities/sdk/store/media-type.js';
import { secretValue } from '../../activities/sdk/secrets.js';

export interface LogLine {
  readonly level: 'debug' | 'info' | 'warn' | 'error';
  readonly message: string;
  readonly fields: Record<string, unknown>;
}

/** A step's context on a real artifact store in a folder of its own, which records what it is told. */
export interface TestContext extends StepContext {
  readonly logs: LogLine[];
  readonly metrics: { name: string; value: number; at?: number | undefined }[];
  readonly progresses: { fraction: number; message?: string | undefined }[];
  /** Aborts `signal`. */
  cancel(reason?: Error): void;
  /** The next attempt of the same step: same store and checkpoints. */
  nextAttempt(): TestContext;
  remove(): Promise<void>;
}

export async function testContext(options: { seed?: number } = {}): Promise<TestContext> {
  const root = await mkdtemp(join(tmpdir(), 'evertrain-step-'));
  return attemptContext({ root, attempt: 1, seed: options.seed ?? 7, saved: [] });
}

interface Setting {
  readonly root: string;
  readonly attempt: number;
  readonly seed: number;
  readonly saved: Checkpoint[];
}

function attemptContext(setting: Setting): TestContext {
  const { root, attempt, seed, saved } = setting;
  const store = fileArtifactStore(join(root, 'artifacts'));
  const controller = new AbortController();
  const logs: LogLine[] = [];
  const metrics: TestContext['metrics'] = [];
  const progresses: TestContext['progresses'] = [];
  const at =
    (level: LogLine['level']) =>
    (message: string, fields: Record<string, unknown> = {}) => {
      logs.push({ level, message, fields });
    };
  const bytes = async (artifact: Parameters<typeof store.materialize>[0]) =>
    readFile(await store.materialize(artifact));
  return {
    logs,
    metrics,
    progresses,
    log: { debug: at('debug'), info: at('info'), warn: at('warn'), error: at('error') },
    secret: secretValue,
    artifacts: {
      putFile: (path, mediaType) => store.put({ path }, mediaType ?? mediaTypeOf(path)),
      putDirectory: (path) => putDirectory(store, path),
      putBytes: (content, mediaType) => store.put(content, mediaType),
      putJson: (value) => store.put(Buffer.from(JSON.stringify(value)), 'application/json'),
      path: (artifact) => store.materialize(artifact),
      bytes,
      json: async (artifact) => JSON.parse((await bytes(artifact)).toString('utf8')) as unknown,
    },
    checkpoints: {
      load: () => Promise.resolve(saved.at(-1)),
      save: (artifact, meta = {}) => {
        const checkpoint = { artifact, meta, sequence: saved.length + 1, attempt };
        saved.push(checkpoint);
        return Promise.resolve(checkpoint);
      },
    },
    progress: (fraction, message) => void progresses.push({ fraction, message }),
    metric: (name, value, atStep) => void metrics.push({ name, value, at: atStep }),
    signal: controller.signal,
    attempt,
    seed,
    idempotencyKey: 'run-1/step',
    gpus: [],
    run: { workflowId: 'test-workflow', runId: 'run-1', pipeline: 'test' },
    step: { id: 'group/test.step', name: 'test.step' },
    workDir: join(root, `attempt-${attempt}`),
    cancel: (reason) => controller.abort(reason),
    nextAttempt: () => attemptContext({ ...setting, attempt: attempt + 1 }),
    remove: () => rm(root, { recursive: true, force: true }),
  };
}

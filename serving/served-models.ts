import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { ArtifactStore } from '../activities/sdk/ports.js';
import { EvertrainError, isEvertrainError } from '../workflows/sdk/errors.js';
import type { Deployment } from '../workflows/sdk/protocol.js';
import { fence } from './deployment-document.js';
import { type RecordedDeployments, readDeployments, writeDeployments } from './deployments-file.js';
import { goldenProblem } from './golden-request.js';
import { isObject } from './inference-protocol.js';
import { OnnxSession } from './onnx-session.js';
import type { PredictionLog } from './prediction-log/prediction-log.js';
import { ServedVersion } from './served-version.js';

/**
 * The models that this server answers for. Each model has one slot: the deployment on record (the fence: revisions only
 * grow), and the version that takes new requests. A deployment goes load → golden request → record on disk → swap; it
 * fails as a whole before the swap, and the old version serves on. The swap is one assignment, so a request is taken
 * either by the old version, which lives until its requests are answered, or by the new one.
 */

export interface ServedModelsOptions {
  readonly dataDir: string;
  readonly store: ArtifactStore;
  readonly maxBatch: number;
  readonly log: (message: string) => void;
  /** Told of every computed request. */
  readonly predictions?: PredictionLog | undefined;
}

interface Slot {
  recorded?: Deployment;
  serving?: ServedVersion;
  /** Why the deployment on record does not serve. */
  problem?: string;
  /** Deployments of one model take turns; the promise ends with the last of them. */
  turn: Promise<unknown>;
  /** Deployments under way or waiting for their turn. */
  pending: number;
}

export interface DeploymentAnswer {
  readonly name: string;
  readonly version: string;
  readonly revision: number;
  readonly loadedAt: string;
  /** False when this very deployment served already. */
  readonly changed: boolean;
}

export class ServedModels {
  readonly #options: ServedModelsOptions;
  readonly #path: string;
  readonly #slots = new Map<string, Slot>();
  #unreadable: RecordedDeployments['unreadable'] = [];
  #writing: Promise<unknown> = Promise.resolve();

  private constructor(options: ServedModelsOptions) {
    this.#options = options;
    this.#path = join(options.dataDir, 'serving', 'deployments.json');
  }

  /** Knows what is on record; `reload` then loads it. */
  static async open(options: ServedModelsOptions): Promise<ServedModels> {
    const models = new ServedModels(options);
    const { deployments, unreadable } = await readDeployments(models.#path);
    models.#unreadable = unreadable;
    for (const { reason } of unreadable) options.log(`a recorded deployment is unreadable: ${reason}`);
    for (const recorded of deployments) models.#slot(recorded.model).recorded = recorded;
    return models;
  }

  /** Loads what is on record. A model that cannot be loaded is reported and does not stop the others. */
  async reload(): Promise<void> {
    await Promise.all(Array.from(this.#slots, ([name, slot]) => this.#inTurn(name, () => this.#reloadSlot(slot))));
  }

  async #reloadSlot(slot: Slot): Promise<void> {
    if (slot.recorded === undefined || slot.serving !== undefined) return;
    try {
      slot.serving = await this.#load(slot.recorded);
    } catch (error) {
      slot.problem = (error as Error).message;
      this.#options.log(slot.problem);
    }
  }

  /** SYSTEM_FENCED for an old revision, SYSTEM_DEPLOY_FAILED when the version cannot serve; then nothing has changed. */
  deploy(deployment: Deployment): Promise<DeploymentAnswer> {
    return this.#inTurn(deployment.model, async (slot) => {
      const known = fence(slot.recorded, deployment) === 'same';
      if (known && slot.serving !== undefined) return answer(slot.serving, false);
      const next = await this.#load(deployment);
      try {
        if (!known) await this.#record(deployment);
      } catch (error) {
        await next.retire();
        throw error;
      }
      const previous = slot.serving;
      slot.recorded = deployment;
      slot.serving = next;
      delete slot.problem;
      if (previous) void previous.retire().catch((error: Error) => this.#options.log(error.message));
      return answer(next, true);
    });
  }

  async #load(deployment: Deployment): Promise<ServedVersion> {
    const what = `${deployment.model} version ${deployment.version}`;
    try {
      const bytes = await readFile(await this.#options.store.materialize(deployment.artifact));
      const session = await OnnxSession.load(bytes, what);
      const problem = await goldenProblem(session, deployment.golden);
      if (problem === undefined) {
        const log = (message: string): void => this.#options.log(`${what}: ${message}`);
        const { maxBatch, predictions } = this.#options;
        predictions?.learn(deployment.model, deployment.version, bytes);
        const observe = predictions && predictions.append.bind(predictions);
        return new ServedVersion(deployment, session, { maxBatch, log, observe });
      }
      await session.release();
      throw failed(what, `it answers its golden request wrongly: ${problem}`);
    } catch (error) {
      if (isEvertrainError(error) && error.code === 'SYSTEM_DEPLOY_FAILED') throw error;
      throw failed(what, (error as Error).message, error);
    }
  }

  /** Writers take turns, and each sees what the ones before it recorded. */
  #record(deployment: Deployment): Promise<void> {
    const write = this.#writing.then(async () => {
      const others = Array.from(this.#slots.values(), (s) => s.recorded).filter((d) => d !== undefined);
      const deployments = [...others.filter((d) => d.model !== deployment.model), deployment];
      const unreadable = this.#unreadable.filter(
        ({ entry }) => !isObject(entry) || entry['model'] !== deployment.model,
      );
      await writeDeployments(this.#path, { deployments, unreadable });
      this.#unreadable = unreadable;
      this.#slot(deployment.model).recorded = deployment;
    });
    this.#writing = write.catch(() => undefined);
    return write;
  }

  #slot(name: string): Slot {
    const slot = this.#slots.get(name) ?? { turn: Promise.resolve(), pending: 0 };
    this.#slots.set(name, slot);
    return slot;
  }

  async #inTurn<T>(name: string, work: (slot: Slot) => Promise<T>): Promise<T> {
    const slot = this.#slot(name);
    slot.pending++;
    const turn = slot.turn.then(() => work(slot));
    slot.turn = turn.catch(() => undefined);
    try {
      return await turn;
    } finally {
      // A first deployment that failed leaves no trace.
      if (--slot.pending === 0 && slot.recorded === undefined) this.#slots.delete(name);
    }
  }

  /** The version that takes a request now; USER_MODEL_UNKNOWN, USER_VERSION_UNKNOWN, or SYSTEM_SERVER_UNREACHABLE while it loads. */
  find(name: string, version?: string): ServedVersion {
    const slot = this.#slots.get(name);
    if (slot === undefined) {
      const known = [...this.#slots.keys()].join(', ') || 'none';
      throw new EvertrainError('USER_MODEL_UNKNOWN', `No model ${name} is served here; served: ${known}.`, {
        value: name,
      });
    }
    const { serving } = slot;
    const current = (serving?.deployment ?? slot.recorded)?.version;
    if (version !== undefined && current !== undefined && version !== current) {
      throw new EvertrainError('USER_VERSION_UNKNOWN', `Model ${name} serves version ${current}, not ${version}.`, {
        value: version,
      });
    }
    if (serving) return serving;
    const state = slot.pending > 0 ? 'is loading' : `does not serve: ${slot.problem ?? 'it is not loaded yet'}`;
    throw new EvertrainError('SYSTEM_SERVER_UNREACHABLE', `Model ${name} ${state}.`, {
      remedy: 'Ask again in a moment.',
    });
  }

  list(): object[] {
    return Array.from(this.#slots, ([name, { serving, recorded, problem, pending }]) => {
      const { version, revision, producedBy, artifact } = serving?.deployment ?? recorded ?? {};
      const state = serving ? 'ready' : problem !== undefined && pending === 0 ? 'failed' : 'loading';
      const { loadedAt, requests = 0, batching } = serving ?? {};
      return {
        name,
        state,
        version,
        revision,
        sha256: artifact?.sha256,
        producedBy,
        loadedAt,
        requests,
        batching,
        problem,
      };
    });
  }

  /** Ready once everything on record was tried; what failed is listed, and does not take the other models out of service. */
  health(): { ready: boolean; failed: object[] } {
    const slots = [...this.#slots];
    const failed = slots
      .filter(([, slot]) => slot.problem !== undefined)
      .map(([name, slot]) => ({ name, version: slot.recorded?.version, reason: slot.problem }));
    const unread = this.#unreadable.map(({ reason }) => ({ reason }));
    const ready = slots.every(
      ([, s]) => s.serving !== undefined || s.problem !== undefined || s.recorded === undefined,
    );
    return { ready, failed: [...failed, ...unread] };
  }

  /** Ends when requests in flight are answered and all sessions are released. */
  async close(): Promise<void> {
    const slots = [...this.#slots.values()];
    await Promise.all(slots.map((slot) => slot.turn));
    await Promise.all(slots.map(async (slot) => slot.serving?.retire()));
  }
}

function answer({ deployment, loadedAt }: ServedVersion, changed: boolean): DeploymentAnswer {
  const { model, version, revision } = deployment;
  return { name: model, version, revision, loadedAt, changed };
}

function failed(what: string, reason: string, cause?: unknown): EvertrainError {
  return new EvertrainError('SYSTEM_DEPLOY_FAILED', `${what} is not deployed: ${reason}`, { cause });
}

import { EvertrainError } from '../workflows/sdk/errors.js';
import type { Deployment } from '../workflows/sdk/model/deployment.js';
import type { LiveReport } from '../workflows/sdk/model/live-report.js';
import { fence } from './deployment-document.js';
import { DeploymentRecord } from './deployment-record.js';
import { ModelCounts } from './live-counts.js';
import { type LoadOptions, loadVersions } from './load-version.js';
import { addedBytes, ModelMemory } from './model-memory.js';
import { emptySlot, type ModelSlot, mayLoad, notServing, refuseUnknown } from './model-slot.js';
import { Observer } from './observer.js';
import type { Prediction } from './prediction.js';
import { type Asking, overloaded, Split } from './split.js';

/**
 * The models that this server answers for. Each model has one slot: the deployment on record (the fence: revisions only
 * grow), and the split that takes new requests. A deployment goes load → golden request → record on disk → swap; it
 * fails as a whole before the swap, and the old split serves on. The swap is one assignment, so a request is taken
 * either by the old split, whose versions live until its requests are answered, or by the new one. Versions that both
 * have stay loaded: a change of weights loads nothing.
 */

export interface ServedModelsOptions extends LoadOptions {
  readonly dataDir: string;
  readonly maxModelBytes?: number | undefined;
  readonly observe?: ((prediction: Prediction) => void) | undefined;
}

export interface DeploymentAnswer {
  readonly name: string;
  readonly version: string;
  readonly revision: number;
  readonly stage: number;
  readonly loadedAt: string;
  readonly challenger?: { readonly version: string; readonly percent: number; readonly loadedAt: string };
  /** False when this very deployment served already. */
  readonly changed: boolean;
}

export class ServedModels {
  readonly #options: ServedModelsOptions;
  readonly #record: DeploymentRecord;
  readonly #slots = new Map<string, ModelSlot>();
  readonly #memory: ModelMemory;
  readonly #observer: Observer | undefined;

  private constructor(options: ServedModelsOptions, record: DeploymentRecord) {
    const { maxModelBytes, observe, log } = options;
    this.#options = options;
    this.#record = record;
    this.#memory = new ModelMemory(maxModelBytes, this.#slots, log);
    this.#observer = observe && new Observer(observe, log);
    for (const deployment of record.deployments) this.#slot(deployment.model).recorded = deployment;
    for (const reason of record.problems) log(`a recorded deployment is unreadable: ${reason}`);
  }

  /** Knows what is on record; `reload` then loads it. */
  static async open(options: ServedModelsOptions): Promise<ServedModels> {
    return new ServedModels(options, await DeploymentRecord.open(options.dataDir));
  }

  /** Of each model, in the order of their first deployment. */
  get slots(): readonly ModelSlot[] {
    return [...this.#slots.values()];
  }

  /** Why recorded deployments could not be read. */
  get unreadable(): readonly string[] {
    return this.#record.problems;
  }

  /**
   * Loads what is on record, as far as memory goes; those in a rollout first, the others at their first request. A model
   * that cannot be loaded is reported and does not stop the others.
   */
  async reload(): Promise<void> {
    const isInRollout = ({ recorded }: ModelSlot): boolean => recorded?.challenger !== undefined;
    const slots = this.slots.toSorted((a, b) => Number(isInRollout(b)) - Number(isInRollout(a)));
    const loads: Promise<void>[] = [];
    for (const slot of slots) {
      if (isInRollout(slot) || this.#memory.fits(addedBytes(slot.recorded, undefined))) loads.push(this.#load(slot));
      else slot.isUnloaded = true;
    }
    await Promise.all(loads);
  }

  /** What is on record; never fails. */
  #load(slot: ModelSlot): Promise<void> {
    slot.loadingBytes = addedBytes(slot.recorded, undefined);
    return this.#inTurn(slot, async () => {
      if (slot.recorded === undefined || slot.split !== undefined) return;
      try {
        await this.#serve(slot, slot.recorded);
      } catch (error) {
        // A store that was away comes back: a later request tries again.
        slot.isUnloaded = true;
        slot.problem = { reason: (error as Error).message, atMs: performance.now() };
        this.#options.log(slot.problem.reason);
      }
    });
  }

  /** SYSTEM_FENCED for an old revision, SYSTEM_DEPLOY_FAILED when it cannot serve; then nothing has changed. */
  async deploy(deployment: Deployment): Promise<DeploymentAnswer> {
    const slot = this.#slot(deployment.model);
    return this.#inTurn(slot, async () => {
      const known = fence(slot.recorded, deployment) === 'same';
      if (known && slot.split !== undefined && slot.split.problem === undefined) return answerOf(slot.split, false);
      return answerOf(await this.#serve(slot, deployment), true);
    });
  }

  /** Load, record, swap. What is on record may serve without its challenger. */
  async #serve(slot: ModelSlot, deployment: Deployment): Promise<Split> {
    const { recorded, split: previous } = slot;
    this.#memory.refuseTooLarge(deployment);
    slot.loadingBytes = addedBytes(deployment, previous);
    this.#memory.makeRoom();
    const mayServeAlone = recorded === deployment;
    const loaded = await loadVersions(deployment, previous?.versions ?? [], { ...this.#options, mayServeAlone });
    if (loaded.problem !== undefined) this.#options.log(loaded.problem);
    const counts = recorded?.revision === deployment.revision ? slot.counts : new ModelCounts();
    const split = new Split(deployment, loaded, counts, this.#observer);
    try {
      if (recorded !== deployment) await this.#record.put(deployment);
    } catch (error) {
      await split.retireBeside(previous);
      throw error;
    }
    slot.recorded = deployment;
    slot.counts = counts;
    slot.split = split;
    slot.isUnloaded = false;
    delete slot.problem;
    void previous?.retireBeside(split).catch((error: Error) => this.#options.log(error.message));
    return split;
  }

  #slot(name: string): ModelSlot {
    const slot = this.#slots.get(name) ?? emptySlot(name);
    this.#slots.set(name, slot);
    return slot;
  }

  async #inTurn<T>(slot: ModelSlot, work: () => Promise<T>): Promise<T> {
    slot.pending++;
    const turn = slot.turn.then(work);
    slot.turn = turn.catch(() => undefined);
    try {
      return await turn;
    } finally {
      slot.loadingBytes = 0;
      // A first deployment that failed leaves no trace.
      if (--slot.pending === 0 && slot.recorded === undefined) this.#slots.delete(slot.name);
    }
  }

  /**
   * The place of a model that can answer, if only after it is loaded again. USER_MODEL_UNKNOWN, USER_VERSION_UNKNOWN, or
   * SYSTEM_SERVER_UNREACHABLE while it loads or when it cannot be loaded.
   */
  find(name: string, version?: string): ModelSlot {
    const slot = this.#known(name);
    if (version !== undefined) refuseUnknown(slot, version);
    if (slot.split === undefined && !mayLoad(slot)) throw notServing(slot);
    return slot;
  }

  #known(name: string): ModelSlot {
    const slot = this.#slots.get(name);
    if (slot !== undefined) return slot;
    const known = [...this.#slots.keys()].join(', ') || 'none';
    throw new EvertrainError('USER_MODEL_UNKNOWN', `No model ${name} is served here; served: ${known}.`, {
      value: name,
    });
  }

  /** What takes a request now, held in memory while `use` goes on; a model that is not in memory is loaded first. Errors as `find`. */
  async using<T>(name: string, version: string | undefined, use: (split: Split) => T | Promise<T>): Promise<T> {
    const slot = this.find(name, version);
    slot.asking++;
    slot.askedAtMs = performance.now();
    try {
      while (slot.split === undefined) {
        this.find(name, version);
        if (slot.asking > this.#options.maxWaiting) throw overloaded(`model ${name}`, slot.asking - 1);
        await (slot.loading ??= this.#load(slot).finally(() => delete slot.loading));
      }
      // A version may have gone while the model was loaded.
      if (version !== undefined) refuseUnknown(slot, version);
      return await use(slot.split);
    } finally {
      slot.asking--;
      this.#memory.makeRoom();
    }
  }

  /** Errors as `using`, and as the split's. */
  infer(name: string, body: unknown, asking: Asking): Promise<string> {
    return this.using(name, asking.version, (split) => split.infer(body, asking));
  }

  /** USER_MODEL_UNKNOWN; SYSTEM_SERVER_UNREACHABLE while the first deployment of the model is under way. */
  report(name: string): LiveReport {
    const slot = this.#known(name);
    if (slot.recorded === undefined) throw notServing(slot);
    return slot.counts.report(slot.recorded);
  }

  /** Ends when requests in flight are answered and told, and all sessions are released. */
  async close(): Promise<void> {
    await Promise.all(this.slots.map((slot) => slot.turn));
    await Promise.all(this.slots.map(async ({ split }) => split?.retireBeside(undefined)));
    this.#observer?.flush();
  }
}

function answerOf({ deployment, champion, challenger }: Split, changed: boolean): DeploymentAnswer {
  const { model, version, revision, stage = 0 } = deployment;
  const { percent = 0 } = deployment.challenger ?? {};
  return {
    ...{ name: model, version, revision, stage, loadedAt: champion.loadedAt, changed },
    ...(challenger && { challenger: { version: challenger.version, percent, loadedAt: challenger.loadedAt } }),
  };
}

import type { Deployment } from '../workflows/sdk/model/deployment.js';
import { failed } from './load-version.js';
import type { ModelSlot } from './model-slot.js';
import type { Split } from './split.js';

/**
 * Keeps the loaded models below a number of bytes, counted as their files are long: those that were asked longest ago are
 * unloaded, and the next request for one loads it again. A model in a rollout, one that is being asked and one that is
 * being deployed stay, even if that takes more for a while.
 */
export class ModelMemory {
  readonly #maxBytes: number;
  readonly #slots: ReadonlyMap<string, ModelSlot>;
  readonly #log: (message: string) => void;

  constructor(maxBytes: number | undefined, slots: ReadonlyMap<string, ModelSlot>, log: (message: string) => void) {
    this.#maxBytes = maxBytes ?? Number.POSITIVE_INFINITY;
    this.#slots = slots;
    this.#log = log;
  }

  /** SYSTEM_DEPLOY_FAILED for what would not fit even alone. */
  refuseTooLarge(deployment: Deployment): void {
    const bytes = addedBytes(deployment, undefined);
    if (bytes <= this.#maxBytes) return;
    const what = deployment.challenger === undefined ? 'it has' : 'it and its challenger have';
    throw failed(deployment.model, deployment, `${what} ${bytes} bytes, and the server loads ${this.#maxBytes}`);
  }

  fits(bytes: number): boolean {
    return this.#maxBytes === Number.POSITIVE_INFINITY || this.#total() + bytes <= this.#maxBytes;
  }

  /** Unloads idle models until the rest fits, what is being loaded included, or no more can be. */
  makeRoom(): void {
    if (this.fits(0)) return;
    const idle = [...this.#slots.values()].filter(isIdle).sort((a, b) => a.askedAtMs - b.askedAtMs);
    for (const slot of idle) {
      if (this.fits(0)) return;
      this.#unload(slot);
    }
  }

  #total(): number {
    let bytes = 0;
    for (const { split, loadingBytes } of this.#slots.values()) {
      bytes += loadingBytes;
      for (const { sizeBytes } of split?.versions ?? []) bytes += sizeBytes;
    }
    return bytes;
  }

  #unload(slot: ModelSlot): void {
    const { split } = slot;
    slot.isUnloaded = true;
    delete slot.split;
    void split?.retireBeside(undefined).catch((error: Error) => this.#log(error.message));
  }
}

/** Bytes that a deployment loads beside the versions that serve already; equal bytes under two names are loaded twice. */
export function addedBytes(deployment: Deployment | undefined, split: Split | undefined): number {
  const servables = [deployment, deployment?.challenger].filter((servable) => servable !== undefined);
  const added = servables.filter((servable) => !split?.versions.some((version) => version.is(servable)));
  return added.reduce((sum, { artifact }) => sum + artifact.sizeBytes, 0);
}

function isIdle({ split, pending, asking }: ModelSlot): boolean {
  return split !== undefined && split.deployment.challenger === undefined && pending === 0 && asking === 0;
}

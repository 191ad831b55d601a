import { isDeepStrictEqual } from 'node:util';
import type { Servable } from '../workflows/sdk/model/deployment.js';
import { Batcher } from './batcher.js';
import { goldenProblem } from './golden-request.js';
import type { OnnxSession, TensorSpec } from './onnx-session.js';
import type { ModelSignature } from './signature.js';
import type { Tensor } from './tensor.js';

export interface ServedVersionOptions {
  /** Most rows in one computation. */
  readonly maxBatch: number;
  /** Most requests that wait for this version or are being computed. */
  readonly maxWaiting: number;
  /** Bytes of the loaded file. */
  readonly sizeBytes: number;
  readonly log: (message: string) => void;
}

/** One loaded version of a model. A retired one still answers the requests that it has taken, then frees its memory. */
export class ServedVersion implements ModelSignature {
  readonly loadedAt = new Date().toISOString();
  readonly version: string;
  readonly sha256: string;
  readonly sizeBytes: number;
  readonly inputs: readonly TensorSpec[];
  readonly outputs: readonly TensorSpec[];
  /** The model does not say how many rows it takes and gives. */
  readonly hasFreeRows: boolean;
  /** It has answered another number of rows than it was asked, so its rows are not one answer each. */
  rowsVary = false;
  /** Requests being computed by it or waiting for it. */
  inFlight = 0;
  readonly #session: OnnxSession;
  readonly #batcher: Batcher;
  readonly #maxWaiting: number;
  /** The golden request that it has answered as recorded. */
  #passed: Servable['golden'];
  #held = 0;
  #released: Promise<void> | undefined;
  #whenIdle: (() => void) | undefined;

  constructor({ version, artifact }: Servable, session: OnnxSession, options: ServedVersionOptions) {
    this.version = version;
    this.sha256 = artifact.sha256;
    this.sizeBytes = options.sizeBytes;
    this.inputs = session.inputs;
    this.outputs = session.outputs;
    this.hasFreeRows = [...session.inputs, ...session.outputs].every(({ shape }) => shape[0] === -1);
    this.#session = session;
    this.#batcher = new Batcher(session, options);
    this.#maxWaiting = options.maxWaiting;
  }

  get batching(): boolean {
    return this.#batcher.batching;
  }

  get isFull(): boolean {
    return this.inFlight >= this.#maxWaiting;
  }

  /** Whether it is the version that a deployment names: equal bytes under the same name. */
  is({ version, artifact }: Servable): boolean {
    return this.version === version && this.sha256 === artifact.sha256;
  }

  /** Why it does not answer its golden request as recorded; undefined when it does. */
  async check(golden: Servable['golden']): Promise<string | undefined> {
    if (isDeepStrictEqual(golden, this.#passed)) return undefined;
    const problem = await goldenProblem(this.#session, golden);
    if (problem === undefined) this.#passed = golden;
    return problem;
  }

  /** USER_INPUT_INVALID when it cannot compute with these values. Whoever asks must hold it. */
  async infer(inputs: ReadonlyMap<string, Tensor>, outputs: readonly string[]): Promise<Map<string, Tensor>> {
    this.inFlight++;
    try {
      return await this.#batcher.infer(inputs, outputs);
    } finally {
      this.inFlight--;
    }
  }

  /** Keeps it loaded until `letGo`. Must be called in the same turn in which the version was found. */
  hold(): void {
    this.#held++;
  }

  letGo(): void {
    if (--this.#held === 0) this.#whenIdle?.();
  }

  /** Ends once nobody holds it and its memory is free. */
  retire(): Promise<void> {
    this.#released ??= (async () => {
      if (this.#held > 0) await new Promise<void>((resolve) => (this.#whenIdle = resolve));
      await this.#session.release();
    })();
    return this.#released;
  }
}

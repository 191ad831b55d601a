import { randomUUID } from 'node:crypto';
import type { Deployment } from '../workflows/sdk/protocol.js';
import { Batcher, type BatcherOptions } from './batcher.js';
import { decodeRequest, encodeResponse, metadataOf } from './inference-protocol.js';
import type { OnnxSession } from './onnx-session.js';
import type { Prediction } from './prediction.js';

/** One loaded version of a model. A retired one still answers the requests that it has taken, then frees its memory. */
export class ServedVersion {
  readonly loadedAt = new Date().toISOString();
  readonly deployment: Deployment;
  /** Inference requests answered since it was loaded. */
  requests = 0;
  readonly #session: OnnxSession;
  readonly #batcher: Batcher;
  readonly #observe: ((prediction: Prediction) => void) | undefined;
  #inFlight = 0;
  #released: Promise<void> | undefined;
  #whenIdle: (() => void) | undefined;

  constructor(
    deployment: Deployment,
    session: OnnxSession,
    options: BatcherOptions & { readonly observe?: ((prediction: Prediction) => void) | undefined },
  ) {
    this.deployment = deployment;
    this.#session = session;
    this.#observe = options.observe;
    this.#batcher = new Batcher(session, options);
  }

  get batching(): boolean {
    return this.#batcher.batching;
  }

  metadata(): object {
    return metadataOf(this.deployment.model, this.deployment.version, this.#session);
  }

  /** The protocol's response document to a request document. Must be called in the same turn in which the version was found. */
  async infer(body: unknown): Promise<string> {
    this.#inFlight++;
    try {
      const at = Date.now();
      const began = performance.now();
      const { id = randomUUID(), inputs, outputs } = decodeRequest(body, this.#session);
      const { model, version } = this.deployment;
      const tell = (end: Pick<Prediction, 'outputs' | 'error'>): void =>
        this.#observe?.({
          id,
          model,
          version,
          at,
          latencyMs: performance.now() - began,
          isShadow: false,
          inputs,
          ...end,
        });
      try {
        const answers = await this.#batcher.infer(inputs, outputs);
        const response = encodeResponse({ name: model, version }, id, answers);
        tell({ outputs: answers });
        this.requests++;
        return response;
      } catch (error) {
        tell({ error: (error as Error).message });
        throw error;
      }
    } finally {
      if (--this.#inFlight === 0) this.#whenIdle?.();
    }
  }

  /** Ends once the requests in flight are answered and the session is released. */
  retire(): Promise<void> {
    this.#released ??= (async () => {
      if (this.#inFlight > 0) await new Promise<void>((resolve) => (this.#whenIdle = resolve));
      await this.#session.release();
    })();
    return this.#released;
  }
}

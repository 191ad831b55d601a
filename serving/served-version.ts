import type { Deployment } from '../workflows/sdk/protocol.js';
import { Batcher, type BatcherOptions } from './batcher.js';
import { decodeRequest, encodeResponse, metadataOf } from './inference-protocol.js';
import type { OnnxSession } from './onnx-session.js';

/** One loaded version of a model. A retired one still answers the requests that it has taken, then frees its memory. */
export class ServedVersion {
  readonly loadedAt = new Date().toISOString();
  readonly deployment: Deployment;
  /** Inference requests answered since it was loaded. */
  requests = 0;
  readonly #session: OnnxSession;
  readonly #batcher: Batcher;
  #inFlight = 0;
  #released: Promise<void> | undefined;
  #whenIdle: (() => void) | undefined;

  constructor(deployment: Deployment, session: OnnxSession, options: BatcherOptions) {
    this.deployment = deployment;
    this.#session = session;
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
      const { id, inputs, outputs } = decodeRequest(body, this.#session);
      const answers = await this.#batcher.infer(inputs, outputs);
      const { model, version } = this.deployment;
      const response = encodeResponse({ name: model, version }, id, answers);
      this.requests++;
      return response;
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

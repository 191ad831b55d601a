import type { Prediction } from './prediction.js';

/**
 * Tells of predictions in the turn after their answers were handed to the socket, so that whoever observes delays none of
 * them, and fails none: what it throws is logged.
 */
export class Observer {
  readonly #observe: (prediction: Prediction) => void;
  readonly #log: (message: string) => void;
  #untold: Prediction[] = [];

  constructor(observe: (prediction: Prediction) => void, log: (message: string) => void) {
    this.#observe = observe;
    this.#log = log;
  }

  tell(prediction: Prediction): void {
    if (this.#untold.push(prediction) === 1) setImmediate(() => this.flush());
  }

  flush(): void {
    for (const prediction of this.#untold.splice(0)) {
      try {
        this.#observe(prediction);
      } catch (error) {
        this.#log(`prediction ${prediction.id} was not observed: ${String(error)}`);
      }
    }
  }
}

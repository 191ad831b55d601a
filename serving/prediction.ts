import type { Tensor } from './tensor.js';

/** One computed request, as it is told to whoever observes the server. */
export interface Prediction {
  /** Of the response, by which its label comes back. */
  readonly id: string;
  readonly model: string;
  readonly version: string;
  /** Milliseconds since 1970. */
  readonly at: number;
  readonly latencyMs: number;
  /** For sticky routing, where the sender gave one. */
  readonly key?: string;
  /** Computed by a challenger that nobody heard. */
  readonly isShadow: boolean;
  readonly inputs: ReadonlyMap<string, Tensor>;
  /** Absent where it failed. */
  readonly outputs?: ReadonlyMap<string, Tensor>;
  /** Why it failed. */
  readonly error?: string;
}

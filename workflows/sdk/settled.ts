import { isEvertrainError } from './errors.js';

/** How one item ended, in a fan-out that collects failures. */
export type Settled<Output> =
  | { readonly status: 'fulfilled'; readonly value: Output }
  | { readonly status: 'rejected'; readonly code: string; readonly message: string };

export function fulfilled<T>(value: T): Settled<T> {
  return { status: 'fulfilled', value };
}

/** A failure that carries a code is a result here; a rejected gate, a cancelled run or a Temporal fault is not. */
export function rejected(error: unknown): Settled<never> {
  if (!isEvertrainError(error) || error.code === 'GATE_REJECTED') throw error;
  return { status: 'rejected', code: error.code, message: error.message };
}

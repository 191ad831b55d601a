import { isEvertrainError } from '../workflows/sdk/errors.js';
import type { TensorSpec } from './onnx-session.js';
import { concatRows, difference, rowsOf, sliceRows, type Tensor } from './tensor.js';

/**
 * Dynamic batching without a waiting time: while one computation runs, requests gather; the next computation takes all
 * that fit together, joined along the first axis. An idle model answers at once.
 *
 * A model may be joined only if its rows do not depend on each other, which no ONNX file says. So the first batch of each
 * version is also computed request by request; answers that differ switch batching off for that version.
 */

/** What the batcher needs of an `OnnxSession`. */
export interface Computation {
  readonly inputs: readonly TensorSpec[];
  readonly outputs: readonly TensorSpec[];
  run(inputs: ReadonlyMap<string, Tensor>, outputs: readonly string[]): Promise<Map<string, Tensor>>;
}

interface Waiting {
  readonly inputs: ReadonlyMap<string, Tensor>;
  readonly outputs: readonly string[];
  readonly rows: number;
  /** Requests with equal keys can be joined; undefined computes alone. */
  readonly key: string | undefined;
  readonly resolve: (outputs: Map<string, Tensor>) => void;
  readonly reject: (error: unknown) => void;
}

export interface BatcherOptions {
  /** Most rows in one computation; a larger request computes alone. */
  readonly maxBatch: number;
  readonly log?: (message: string) => void;
}

/** Float rounding differs a little between a matrix product of one row and of many. */
const batchTolerance = 1e-4;

export class Batcher {
  readonly #session: Computation;
  readonly #options: BatcherOptions;
  #waiting: Waiting[] = [];
  #busy = false;
  #state: 'unproven' | 'proven' | 'off';

  constructor(session: Computation, options: BatcherOptions) {
    this.#session = session;
    this.#options = options;
    const freeRows = [...session.inputs, ...session.outputs].every((spec) => spec.shape[0] === -1);
    this.#state = freeRows && options.maxBatch > 1 ? 'unproven' : 'off';
  }

  /** Whether requests are joined; off when the model's rows depend on each other or have no free first axis. */
  get batching(): boolean {
    return this.#state !== 'off';
  }

  infer(inputs: ReadonlyMap<string, Tensor>, outputs: readonly string[]): Promise<Map<string, Tensor>> {
    return new Promise((resolve, reject) => {
      const rows = rowsOf(inputs.values().next().value as Tensor);
      this.#waiting.push({ inputs, outputs, rows, key: this.#keyOf(inputs, outputs, rows), resolve, reject });
      if (this.#busy) return;
      this.#busy = true;
      // After the sockets that are readable now: requests that arrived together are computed together.
      setImmediate(() => void this.#drain());
    });
  }

  #keyOf(inputs: ReadonlyMap<string, Tensor>, outputs: readonly string[], rows: number): string | undefined {
    if (this.#state === 'off') return undefined;
    const tensors = [...inputs.values()];
    if (!tensors.every((tensor) => rowsOf(tensor) === rows)) return undefined;
    const widths = this.#session.inputs.map(({ name }) => inputs.get(name)?.shape.slice(1).join('x'));
    return `${widths.join(',')}|${JSON.stringify(outputs)}`;
  }

  async #drain(): Promise<void> {
    while (this.#waiting.length > 0) {
      const batch = this.#next();
      if (batch.length === 1) await computeAlone(this.#session, batch);
      else if (this.#state === 'proven') await this.#computeTogether(batch);
      else await this.#prove(batch);
    }
    this.#busy = false;
  }

  /** The oldest request and those that can be joined to it, oldest first. */
  #next(): Waiting[] {
    const [head] = this.#waiting;
    if (head?.key === undefined || this.#state === 'off') return this.#waiting.splice(0, 1);
    const batch: Waiting[] = [];
    const rest: Waiting[] = [];
    let rows = 0;
    for (const waiting of this.#waiting) {
      const fits = batch.length === 0 || (waiting.key === head.key && rows + waiting.rows <= this.#options.maxBatch);
      if (fits) rows += waiting.rows;
      (fits ? batch : rest).push(waiting);
    }
    this.#waiting = rest;
    return batch;
  }

  /** One bad row must not fail the requests beside it: when the batch fails, each request computes alone. */
  async #computeTogether(batch: readonly Waiting[]): Promise<void> {
    const answers = await joined(this.#session, batch).catch(() => undefined);
    if (answers === undefined) await computeAlone(this.#session, batch);
    else batch.forEach((waiting, i) => waiting.resolve(answers[i] as Map<string, Tensor>));
  }

  async #prove(batch: readonly Waiting[]): Promise<void> {
    const singly = await computeAlone(this.#session, batch);
    // Failing rows prove nothing about the model, and neither do equal ones.
    if (singly.some((answer) => answer === undefined) || !distinct(batch)) return;
    const together = await joined(this.#session, batch).catch(() => undefined);
    const same = together?.every((answer, i) => equal(singly[i] as Map<string, Tensor>, answer));
    this.#state = same ? 'proven' : 'off';
    if (!same) this.#options.log?.('rows of this model depend on each other: its requests are not batched');
  }
}

/** Answers each request; gives back the answers, undefined for the failed ones. */
async function computeAlone(
  session: Computation,
  batch: readonly Waiting[],
): Promise<(Map<string, Tensor> | undefined)[]> {
  const answers: (Map<string, Tensor> | undefined)[] = [];
  for (const { inputs, outputs, resolve, reject } of batch) {
    try {
      const answer = await session.run(inputs, outputs);
      answers.push(answer);
      resolve(answer);
    } catch (error) {
      answers.push(undefined);
      reject(isEvertrainError(error) || error instanceof Error ? error : new Error(String(error)));
    }
  }
  return answers;
}

/** The answers of one joined computation; undefined when the outputs do not have one row for each input row. */
async function joined(session: Computation, batch: readonly Waiting[]): Promise<Map<string, Tensor>[] | undefined> {
  const head = batch[0] as Waiting;
  const inputs = new Map(
    Array.from(head.inputs.keys(), (name) => [name, concatRows(batch.map((w) => w.inputs.get(name) as Tensor))]),
  );
  const outputs = await session.run(inputs, head.outputs);
  const rows = batch.reduce((sum, waiting) => sum + waiting.rows, 0);
  if ([...outputs.values()].some((tensor) => rowsOf(tensor) !== rows)) return undefined;
  let from = 0;
  return batch.map((waiting) => {
    const start = from;
    from += waiting.rows;
    return new Map(Array.from(outputs, ([name, tensor]) => [name, sliceRows(tensor, start, waiting.rows)]));
  });
}

function distinct([first, ...others]: readonly Waiting[]): boolean {
  return others.some((other) => first !== undefined && !equal(first.inputs, other.inputs));
}

function equal(expected: ReadonlyMap<string, Tensor>, actual: ReadonlyMap<string, Tensor>): boolean {
  return [...expected].every(([name, tensor]) => {
    const other = actual.get(name);
    return other !== undefined && difference(tensor, other, batchTolerance) === undefined;
  });
}

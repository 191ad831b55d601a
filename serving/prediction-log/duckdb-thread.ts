import { Worker } from 'node:worker_threads';
import { EvertrainError } from '../../workflows/sdk/errors.js';
import { peer } from '../peers.js';

export type Row = Readonly<Record<string, unknown>>;

interface Answer {
  readonly id: number;
  readonly rows?: Row[];
  readonly error?: string;
  readonly isMissing?: boolean;
}

interface Waiting {
  readonly resolve: (rows: Row[]) => void;
  readonly reject: (error: Error) => void;
}

/**
 * DuckDB beside the model server: one job at a time, on one core and little memory, so that answers are not delayed.
 * The thread is started by the first job.
 */
export class DuckDbThread {
  readonly #spillFolder: string;
  readonly #waiting = new Map<number, Waiting>();
  #worker: Worker | undefined;
  #next = 0;
  #turn: Promise<unknown> = Promise.resolve();
  #isClosed = false;

  constructor(spillFolder: string) {
    this.#spillFolder = spillFolder;
  }

  /**
   * Keeps others out until the work is done: files that a query reads are not replaced meanwhile.
   * SYSTEM_SERVER_UNREACHABLE once the thread is closed.
   */
  exclusive<T>(work: () => Promise<T>): Promise<T> {
    const turn = this.#turn.then(() => {
      if (!this.#isClosed) return work();
      throw new EvertrainError('SYSTEM_SERVER_UNREACHABLE', 'The model server is closing.');
    });
    this.#turn = turn.catch(() => undefined);
    return turn;
  }

  /** Rows of the last statement; 64-bit integers come as text. SYSTEM_PEER_MISSING, SYSTEM_FAILED. Only in `exclusive`. */
  run(...statements: readonly string[]): Promise<Row[]> {
    return new Promise((resolve, reject) => {
      const id = this.#next++;
      this.#waiting.set(id, { resolve, reject });
      const settings = { threads: '1', memory_limit: '256MB', temp_directory: this.#spillFolder };
      this.#thread().postMessage({ id, statements, settings });
    });
  }

  /** Ends with the job that runs. */
  async close(): Promise<void> {
    this.#isClosed = true;
    await this.#turn;
    await this.#worker?.terminate();
  }

  #thread(): Worker {
    if (this.#worker !== undefined) return this.#worker;
    // The flags of this process, a loader for instance, would make the start slow.
    const worker = new Worker(new URL('./duckdb-thread.mjs', import.meta.url), { execArgv: [] });
    worker.unref();
    worker.on('message', (answer: Answer) => void this.#answer(answer));
    worker.on('error', (error) => this.#ended(error));
    worker.on('exit', () => this.#ended(new Error('it ended')));
    this.#worker = worker;
    return worker;
  }

  async #answer({ id, rows, error = '', isMissing }: Answer): Promise<void> {
    const waiting = this.#waiting.get(id);
    this.#waiting.delete(id);
    if (rows !== undefined) return waiting?.resolve(rows);
    if (isMissing !== true) return waiting?.reject(failed(error));
    const missing = peer('@duckdb/node-api', 'Looking into predictions', () => Promise.reject(new Error(error)));
    await missing.catch((told: Error) => waiting?.reject(told));
  }

  #ended(cause: Error): void {
    this.#worker = undefined;
    for (const { reject } of this.#waiting.values()) reject(failed(cause.message));
    this.#waiting.clear();
  }
}

function failed(reason: string): EvertrainError {
  return new EvertrainError('SYSTEM_FAILED', `DuckDB cannot read the predictions: ${reason.split('\n\nLINE')[0]}.`);
}

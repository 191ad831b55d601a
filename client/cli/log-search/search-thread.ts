import { Worker } from 'node:worker_threads';
import { type ErrorCode, EvertrainError } from '../../../workflows/sdk/errors.js';
import type { LogQuery } from '../../log-query.js';
import type { FoundInRun, RunToSearch } from './search-run.js';

interface Answer {
  readonly found?: FoundInRun;
  readonly error?: { readonly code?: ErrorCode; readonly message: string };
}

interface Asked {
  readonly resolve: (found: FoundInRun) => void;
  readonly reject: (error: Error) => void;
}

const lookEveryMs = 250;
/** A match that takes longer than this on one line will hardly end. */
const mostMatchMs = 2_000;

/** A thread that searches runs one after the other. A pattern that does not come to an end is USER_OPTION_INVALID. */
export class SearchThread {
  readonly #worker: Worker;
  readonly #beat = new Int32Array(new SharedArrayBuffer(4));
  readonly #watch: NodeJS.Timeout;
  /** In the order in which they were asked, as are the answers. */
  readonly #asked: Asked[] = [];
  #failed: Error | undefined;

  constructor(data: { readonly dataDir: string; readonly query: LogQuery; readonly most: number }) {
    const { pattern } = data.query;
    // The flags of this process, a loader for instance, would make the start slow.
    this.#worker = new Worker(new URL('./search-thread.mjs', import.meta.url), {
      execArgv: [],
      workerData: { ...data, beat: this.#beat },
    });
    this.#worker.on('message', ({ found, error }: Answer) => {
      const asked = this.#asked.shift();
      if (found !== undefined) asked?.resolve(found);
      else asked?.reject(new EvertrainError(error?.code ?? 'SYSTEM_FAILED', error?.message ?? ''));
    });
    this.#worker.on('error', (error) => this.#fail(error));
    this.#worker.on('exit', () => this.#fail(new EvertrainError('SYSTEM_FAILED', 'The search was ended.')));
    let [seen, sinceMs] = [0, 0];
    this.#watch = setInterval(() => {
      const now = Atomics.load(this.#beat, 0);
      sinceMs = now === seen && now % 2 !== 0 ? sinceMs + lookEveryMs : 0;
      seen = now;
      if (sinceMs < mostMatchMs) return;
      this.#fail(tooSlow(pattern));
      void this.close();
    }, lookEveryMs);
  }

  search(run: RunToSearch): Promise<FoundInRun> {
    return new Promise((resolve, reject) => {
      if (this.#failed !== undefined) return reject(this.#failed);
      this.#asked.push({ resolve, reject });
      this.#worker.postMessage(run);
    });
  }

  async close(): Promise<void> {
    clearInterval(this.#watch);
    await this.#worker.terminate();
  }

  #fail(error: Error): void {
    this.#failed ??= error;
    for (const { reject } of this.#asked.splice(0)) reject(this.#failed);
  }
}

function tooSlow(pattern: string | undefined): EvertrainError {
  return new EvertrainError('USER_OPTION_INVALID', `The regular expression ${pattern} takes too long on one line.`, {
    value: pattern,
    remedy: 'Write it without nested repetitions such as (a+)+, or look for a plain text.',
  });
}

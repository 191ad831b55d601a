import { AsyncResource } from 'node:async_hooks';
import { setTimeout as sleep } from 'node:timers/promises';
import { EvertrainError } from '../workflows/sdk/errors.js';
import type { Batch } from '../workflows/sdk/model/batch.js';

/**
 * One signal carries many batches: a signal that arrives while a model's workflow is about to continue as new voids what
 * it did, so a stream of small ones can keep it from ever going on. What is told to a model while a signal to it is in
 * flight, or shortly after one was sent, is gathered and goes with the next; a call that comes alone is sent at once.
 * Each call ends as the signals do that carry its batches. There is one gathering for a connection.
 */
export class DataGathering {
  private readonly models = new Map<string, ModelGathering>();
  private readonly context = new AsyncResource('EvertrainDataGathering');
  private isClosed = false;

  constructor(private readonly deliver: Deliver) {}

  /** Resolves when the engine has recorded all of them; else any of them may be sent again. */
  async send(model: string, batches: readonly Batch[]): Promise<void> {
    if (this.isClosed) throw new EvertrainError('SYSTEM_FAILED', `Model "${model}": the connection was closed.`);
    if (batches.length === 0) return;
    let gathering = this.models.get(model);
    if (gathering === undefined) {
      gathering = new ModelGathering(this.context, (...given) => this.deliver(model, ...given));
      this.models.set(model, gathering);
    }
    await gathering.add(batches);
  }

  /** Takes nothing more, and waits until what was gathered is sent or has failed. */
  async close(): Promise<void> {
    this.isClosed = true;
    await Promise.all([...this.models.values()].map((gathering) => gathering.end()));
  }
}

/** Sends one signal; with a time within which the engine must have recorded it, where no caller's own counts. */
type Deliver = (model: string, batches: readonly Batch[], withinMs?: number) => Promise<void>;

const gatherForMs = 50;
const mostBatches = 200;
/** The engine refuses 2 MB. */
const mostBytes = 500_000;
const sharedWithinMs = 15_000;

/** Of several batches, which may travel in several signals. */
interface Call {
  /** The caller's deadline and the like. */
  readonly context: AsyncResource;
  readonly succeed: () => void;
  readonly fail: (error: unknown) => void;
  /** How many of its batches are not recorded yet. */
  left: number;
  hasFailed: boolean;
}

interface Gathered {
  readonly batch: Batch;
  readonly bytes: number;
  readonly call: Call;
}

class ModelGathering {
  private sending: Promise<void> | undefined;
  private waiting: Gathered[] = [];
  private sentAt = Number.NEGATIVE_INFINITY;

  constructor(
    private readonly context: AsyncResource,
    private readonly deliver: (batches: readonly Batch[], withinMs?: number) => Promise<void>,
  ) {}

  add(batches: readonly Batch[]): Promise<void> {
    return new Promise((succeed, fail) => {
      const context = new AsyncResource('EvertrainDataCall');
      const call: Call = { context, succeed, fail, left: batches.length, hasFailed: false };
      for (const batch of batches) {
        this.waiting.push({ batch, bytes: Buffer.byteLength(JSON.stringify(batch)) + 1, call });
      }
      // Not in the caller's context, whose deadline is not that of those who come later.
      this.sending ??= this.context.runInAsyncScope(() => this.sendAll());
    });
  }

  /** When nothing is left to send. */
  async end(): Promise<void> {
    await this.sending;
  }

  private async sendAll(): Promise<void> {
    while (this.waiting.length > 0) {
      const early = this.sentAt + gatherForMs - performance.now();
      if (early > 0) await sleep(early);
      const parts = this.next();
      this.sentAt = performance.now();
      try {
        await this.signal(parts);
        for (const { call } of parts) if (--call.left === 0) call.succeed();
      } catch (error) {
        for (const { call } of parts) {
          call.hasFailed = true;
          call.fail(error);
        }
        // Who will send all of it again is not waited for.
        this.waiting = this.waiting.filter(({ call }) => !call.hasFailed);
      }
    }
    this.sending = undefined;
  }

  private next(): Gathered[] {
    let bytes = 0;
    const end = this.waiting.findIndex((one, n) => {
      bytes += one.bytes;
      return n > 0 && (n >= mostBatches || bytes > mostBytes);
    });
    return this.waiting.splice(0, end === -1 ? this.waiting.length : end);
  }

  /** What one call alone said is sent as if by itself: by its deadline, if it has one. */
  private async signal(parts: readonly Gathered[]): Promise<void> {
    const batches = parts.map(({ batch }) => batch);
    const [first] = parts;
    const isAlone = first !== undefined && parts.every(({ call }) => call === first.call);
    await (isAlone
      ? first.call.context.runInAsyncScope(() => this.deliver(batches))
      : this.deliver(batches, sharedWithinMs));
  }
}

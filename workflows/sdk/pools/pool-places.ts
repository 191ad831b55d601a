import {
  CancellationScope,
  condition,
  getExternalWorkflowHandle,
  ParentClosePolicy,
  sleep,
  startChild,
  workflowInfo,
} from '@temporalio/workflow';
import { defined } from '../registry.js';
import {
  type PoolAsk,
  type PoolGrant,
  type PoolMessage,
  poolMessages,
  type PoolStart,
  poolTimerSummary,
  poolWorkflowId,
  poolWorkflowType,
} from './messages.js';
import type { PoolDefinition } from './pool.js';

/** In one message to a pool. */
const maxCalls = 500;
/** How long a call waits before it asks once more: the pool may have been terminated, and know nothing of it. */
const askAgainMs = { first: 300_000, most: 21_600_000 };

/** The places in pools that a run's calls hold and wait for. */
export class PoolPlaces {
  private readonly boxes = new Map<string, Outbox>();

  /** Makes the call when it has a place, which it holds until it has ended, however it does. */
  async hold<T>(pool: PoolDefinition, ask: Omit<PoolAsk, 'calledAt'>, pipeline: string, call: () => Promise<T>) {
    const box = this.boxes.get(pool.name) ?? new Outbox(pool, pipeline);
    this.boxes.set(pool.name, box);
    await box.place(ask);
    try {
      return await call();
    } finally {
      box.leave(ask.stepId);
    }
  }

  /** The pool says so by a signal. */
  granted({ pool, firstRunId, stepIds }: PoolGrant): void {
    if (firstRunId === workflowInfo().firstExecutionRunId) this.boxes.get(pool)?.granted(stepIds);
  }

  /** Tells pools what there is to tell; nothing may be asked afterwards. */
  async close(): Promise<void> {
    for (const box of this.boxes.values()) await box.close();
  }
}

interface Waiting {
  readonly ask: PoolAsk;
  readonly enter: () => void;
}

/** One pool's. Messages go one after the other: of two at once the engine may deliver the later first. */
class Outbox {
  private isSending = false;
  private readonly waiting = new Map<string, Waiting>();
  private readonly held = new Set<string>();
  private asks: PoolAsk[] = [];
  private ends: string[] = [];
  private again: CancellationScope | undefined;
  private isClosing = false;

  constructor(
    private readonly pool: PoolDefinition,
    private readonly pipeline: string,
  ) {}

  async place(asked: Omit<PoolAsk, 'calledAt'>): Promise<void> {
    const scope = CancellationScope.current();
    if (scope.consideredCancelled) return scope.cancelRequested;
    const ask = { ...asked, calledAt: workflowInfo().historyLength };
    this.asks.push(ask);
    this.send();
    try {
      await new Promise<void>((enter, reject) => {
        this.waiting.set(ask.stepId, { ask, enter });
        scope.cancelRequested.catch(reject);
        if (this.again === undefined) void CancellationScope.nonCancellable(() => this.askAgain());
      });
    } catch (error) {
      this.leave(ask.stepId);
      throw error;
    }
  }

  granted(stepIds: readonly string[]): void {
    for (const stepId of stepIds) {
      const waiting = this.waiting.get(stepId);
      if (waiting === undefined) {
        // Given too late, or twice.
        if (!this.held.has(stepId)) this.end(stepId);
        continue;
      }
      this.forget(stepId);
      this.held.add(stepId);
      waiting.enter();
    }
  }

  leave(stepId: string): void {
    this.forget(stepId);
    this.held.delete(stepId);
    this.end(stepId);
  }

  async close(): Promise<void> {
    this.isClosing = true;
    if (this.isSending) await condition(() => !this.isSending);
  }

  private end(stepId: string): void {
    this.ends.push(stepId);
    this.send();
  }

  private forget(stepId: string): void {
    this.waiting.delete(stepId);
    if (this.waiting.size > 0) return;
    this.again?.cancel();
    this.again = undefined;
  }

  private send(): void {
    if (this.isSending) return;
    this.isSending = true;
    void CancellationScope.nonCancellable(() => this.deliver());
  }

  private async deliver(): Promise<void> {
    // What is called in the same breath goes together.
    await Promise.resolve();
    while (this.asks.length + this.ends.length > 0) {
      const { workflowId, firstExecutionRunId: firstRunId, historyLength } = workflowInfo();
      const asks = this.asks.splice(0, maxCalls).map(({ calledAt, ...ask }) => ({
        ...ask,
        ...(calledAt === historyLength ? {} : { calledAt }),
      }));
      const ends = this.ends.splice(0, maxCalls);
      const { rules } = this.pool;
      await this.tell({ workflowId, firstRunId, pipeline: this.pipeline, rules, asks, ends });
    }
    this.isSending = false;
  }

  private async askAgain(): Promise<void> {
    const again = new CancellationScope();
    this.again = again;
    const { first, most } = askAgainMs;
    for (let ms = first; this.again === again; ms = Math.min(2 * ms, most)) {
      const isOver = await again
        .run(() => sleep(ms, { summary: poolTimerSummary }))
        .then(
          () => false,
          () => true,
        );
      if (isOver) return;
      this.asks.push(...[...this.waiting.values()].map(({ ask }) => ask));
      this.send();
    }
  }

  /** Starts the pool where it does not run: it outlives the run that needed it first. */
  private async tell(message: PoolMessage): Promise<void> {
    const pool = this.pool.name;
    const workflowId = poolWorkflowId(pool, defined.projectName);
    for (let tries = 1; ; tries++) {
      const isTold = await getExternalWorkflowHandle(workflowId)
        .signal(poolMessages.calls, message)
        .then(
          () => true,
          () => false,
        );
      // A pool that does not run holds nothing.
      if (isTold || message.asks.length === 0 || this.isClosing) return;
      if (tries > 1) await sleep(Math.min(60_000, 500 * 2 ** tries), { summary: poolTimerSummary });
      // Another run may start it at the same moment.
      await startChild(poolWorkflowType, {
        workflowId,
        args: [{ pool } satisfies PoolStart],
        parentClosePolicy: ParentClosePolicy.ABANDON,
        staticSummary: `pool ${pool}`,
      }).catch(() => undefined);
    }
  }
}

import type { Client } from '@temporalio/client';
import { abortable } from './abortable.js';
import type { RunView } from './history/run-view.js';

/**
 * A queue that no worker has asked for work in the last five minutes (what the engine remembers), with what waits there.
 * A worker whose slots are all taken does not ask either.
 */
export interface UnservedQueue {
  readonly queue: string;
  /** Ids of the steps that wait there; none when the run itself does. */
  readonly steps: readonly string[];
}

const waitsTooLongMs = 3_000;
const askAgainMs = 5_000;
/** Temporal's numbers for the two kinds of task queues. */
const kinds = { run: 1, step: 2 } as const;

/**
 * A misspelt queue, or a worker that was never started, makes no error: its steps wait for ever. This asks the engine
 * who serves the queues in which a run has been waiting for seconds, and tells each queue without a worker once.
 */
export class UnservedQueues {
  private readonly asked = new Map<string, number>();
  private readonly told = new Set<string>();
  private readonly waiting = new Waiting();

  constructor(
    private readonly client: Client,
    private readonly signal: AbortSignal,
  ) {}

  /** `runQueue`: where the run's own tasks are. */
  async among(view: RunView, runQueue: string | undefined): Promise<UnservedQueue[]> {
    const found: UnservedQueue[] = [];
    for (const [queue, steps] of this.waiting.among(view)) {
      if (await this.isServed(queue, 'step')) this.told.delete(queue);
      else if (!this.told.has(queue)) found.push({ queue, steps });
    }
    const notBegun = view.closedAt === undefined && view.events <= 2 && this.waiting.isLong('run', view.startedAt);
    if (notBegun && runQueue !== undefined && !this.told.has(runQueue) && !(await this.isServed(runQueue, 'run'))) {
      found.push({ queue: runQueue, steps: [] });
    }
    for (const { queue } of found) this.told.add(queue);
    return found;
  }

  private async isServed(queue: string, kind: keyof typeof kinds): Promise<boolean> {
    const last = this.asked.get(queue);
    if (last !== undefined && performance.now() - last < askAgainMs) return !this.told.has(queue);
    this.asked.set(queue, performance.now());
    const { namespace } = this.client.options;
    const request = { namespace, taskQueue: { name: queue }, taskQueueType: kinds[kind] };
    const { pollers } = await abortable(this.client, this.signal, () =>
      this.client.workflowService.describeTaskQueue(request),
    );
    return (pollers?.length ?? 0) > 0;
  }
}

/** What an unserved queue means to people. */
export function unservedText({ queue, steps }: UnservedQueue): string {
  const [first = '', ...more] = steps;
  const also = more.length === 0 ? '' : ` and ${more.length} more`;
  const who = steps.length === 0 ? 'the run' : `"${first}"${also}`;
  return (
    `No worker has asked the queue "${queue}" for work in the last minutes; ${who} waits there. ` +
    `Start one (\`evertrain worker --queues ${queue}=1\`), correct the queue's name, or wait if all its slots are busy.`
  );
}

/** What has been waiting for long: by the engine's time, or by having been seen, since the clock here may be behind. */
class Waiting {
  private readonly seen = new Map<string, number>();

  /** Steps by the queue in which they wait. */
  among(view: RunView): Map<string, string[]> {
    const found = new Map<string, string[]>();
    for (const step of view.steps) {
      if (step.status !== 'queued' || step.queue === undefined) continue;
      const since = Math.max(step.scheduledAt, step.nextAttemptAt ?? 0);
      if (!this.isLong(`${step.id} ${since}`, since)) continue;
      found.set(step.queue, [...(found.get(step.queue) ?? []), step.id]);
    }
    return found;
  }

  isLong(key: string, since: number): boolean {
    const seen = this.seen.get(key) ?? performance.now();
    this.seen.set(key, seen);
    return Math.max(Date.now() - since, performance.now() - seen) >= waitsTooLongMs;
  }
}

import { setTimeout as sleep } from 'node:timers/promises';
import type { Client } from '@temporalio/client';
import { abortable } from './abortable.js';
import type { AttemptsReader } from './context.js';
import { toNumber } from './history/decode.js';
import { type Facts, noFacts } from './history/facts.js';
import { fold } from './history/fold.js';
import { type Pending, viewOf } from './history/project-run.js';
import type { RunView } from './history/run-view.js';
import { HistoryFeed } from './history-feed.js';
import { happenings, type RunEvent } from './run-events.js';
import { isConnectionLoss, toEvertrainError } from './to-error.js';
import { type UnservedQueue, UnservedQueues, unservedText } from './unserved-queues.js';

export interface WatchOptions {
  readonly client: Client;
  readonly workflowId: string;
  readonly runId: string;
  readonly attempts?: AttemptsReader | undefined;
  /** Ends the events, quietly. */
  readonly signal?: AbortSignal | undefined;
}

type Watched = WatchOptions & { readonly signal: AbortSignal };

/** How often `describe()` is asked while steps are open and nothing else happens. */
const pollMs = 1_000;
const minGapMs = 40;

/** One of the things that a watcher of a run is told. */
export type RunNews =
  /** The run as it stands now; also where nothing that counts as an event happened. */
  | { readonly kind: 'view'; readonly view: RunView }
  | ({ readonly kind: 'unserved'; readonly view: RunView; readonly message: string } & UnservedQueue)
  /** The engine cannot be reached; it is asked again until it can. */
  | { readonly kind: 'lost'; readonly view: RunView; readonly message: string }
  | { readonly kind: 'found'; readonly view: RunView };

/** What happens in a run until it closes; see `runNews`. */
export async function* watchRun(options: WatchOptions): AsyncGenerator<RunEvent, void, undefined> {
  let last: RunView | undefined;
  for await (const news of runNews(options)) {
    const { view } = news;
    const at = Date.now();
    switch (news.kind) {
      case 'view':
        yield* happenings(last?.runId === view.runId ? last : undefined, view);
        last = view;
        break;
      case 'unserved':
        yield { type: 'unserved', at, view, queue: news.queue, steps: news.steps, message: news.message };
        break;
      case 'lost':
        yield { type: 'disconnected', at, view, message: news.message };
        break;
      case 'found':
        yield { type: 'reconnected', at, view };
    }
  }
}

/**
 * Follows a run until it closes, on into the run that continues it. New events come by long poll; while steps are open,
 * `describe()` adds what history does not have (running, heartbeats). The two are brought together exactly: `describe()`
 * says how long the history was when it looked, and the view takes the events up to there, so no step shows a state of
 * two moments.
 */
export async function* runNews(options: WatchOptions): AsyncGenerator<RunNews, void, undefined> {
  const stop = new AbortController();
  const signal = options.signal === undefined ? stop.signal : AbortSignal.any([stop.signal, options.signal]);
  try {
    let runId: string | undefined = options.runId;
    while (runId !== undefined) runId = yield* newsOfOne({ ...options, runId, signal });
  } finally {
    stop.abort();
  }
}

/** Answers the run that goes on where this one ended, if one does. */
async function* newsOfOne(options: Watched): AsyncGenerator<RunNews, string | undefined> {
  const { workflowId, signal } = options;
  const feed = new HistoryFeed(options);
  const facts = noFacts();
  const unserved = new UnservedQueues(options.client, signal);
  let last: RunView | undefined;
  let isLost = false;
  while (!signal.aborted) {
    try {
      await feed.next(last !== undefined && isStanding(last) ? pollMs : undefined);
      const began = performance.now();
      const { view, queue } = await look(options, feed, facts);
      if (isLost && last !== undefined) yield { kind: 'found', view };
      isLost = false;
      yield { kind: 'view', view };
      for (const found of await unserved.among(view, queue)) {
        yield { kind: 'unserved', view, ...found, message: unservedText(found) };
      }
      last = view;
      if (view.status.kind === 'continued') return view.status.runId;
      if (view.closedAt !== undefined) return undefined;
      if (feed.isClosed) await feed.restart();
      // A long history takes its time to project: never more than a fifth of a core goes into watching.
      await sleep(Math.max(minGapMs, 4 * (performance.now() - began)), undefined, { signal });
    } catch (error) {
      if (signal.aborted) return undefined;
      if (!isConnectionLoss(error)) throw toEvertrainError(error, { what: `run "${workflowId}"` });
      if (!isLost && last !== undefined) yield { kind: 'lost', view: last, message: toEvertrainError(error).message };
      isLost = true;
      await feed.restart();
    }
  }
  return undefined;
}

/**
 * The run as it stands: all of its history when it has closed, else up to the moment of `describe()`; and the queue of
 * its own tasks.
 */
async function look(options: Watched, feed: HistoryFeed, facts: Facts): Promise<{ view: RunView; queue?: string }> {
  const { client, workflowId, runId, attempts, signal } = options;
  let pending: Pending | undefined;
  let upTo: number | undefined;
  let queue: string | undefined | null;
  if (!feed.isClosed) {
    const { namespace } = client.options;
    const execution = { workflowId, runId };
    const described = await abortable(client, signal, () =>
      client.workflowService.describeWorkflowExecution({ namespace, execution }),
    );
    pending = described;
    queue = described.executionConfig?.taskQueue?.name;
    upTo = toNumber(described.workflowExecutionInfo?.historyLength);
    await feed.until(upTo);
  }
  fold(facts, feed.take(upTo));
  const view = viewOf(facts, { pending, attempts: await attempts?.(workflowId, runId), runId });
  return queue ? { view, queue } : { view };
}

/** Whether something may change, or stand still, without an event: a step is open, or no worker has taken the run yet. */
function isStanding(view: RunView): boolean {
  return view.events <= 2 || view.steps.some(isOpen);
}

function isOpen({ status }: { readonly status: string }): boolean {
  return status === 'queued' || status === 'waiting' || status === 'running' || status === 'unknown';
}

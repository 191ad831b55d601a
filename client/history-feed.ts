import { setTimeout as sleep } from 'node:timers/promises';
import type { Client } from '@temporalio/client';
import { EvertrainError } from '../workflows/sdk/errors.js';
import { abortable } from './abortable.js';
import { type HistoryEvent, toNumber } from './history/decode.js';
import { historyPage } from './history/fetch.js';

export interface FeedOptions {
  readonly client: Client;
  readonly workflowId: string;
  readonly runId: string;
  readonly signal: AbortSignal;
}

/** A lost engine is waited for so long. */
const patienceMs = 10 * 60_000;

/** Reads a history ahead by long poll, and hands out its events in order, each once. */
export class HistoryFeed {
  isClosed = false;
  private queue: HistoryEvent[] = [];
  private lastId = 0;
  private token: Uint8Array | undefined;
  private page: Promise<void> | undefined;
  private lostAt: number | undefined;
  private delayMs = 250;

  constructor(private readonly options: FeedOptions) {}

  /** Waits for events, or for the time to be over. */
  async next(withinMs?: number): Promise<void> {
    if (this.queue.length > 0 || this.isClosed) return;
    if (withinMs === undefined) return this.read();
    const timer = new AbortController();
    const over = sleep(withinMs, undefined, { signal: timer.signal }).catch(() => undefined);
    try {
      await Promise.race([this.read(), over]);
    } finally {
      timer.abort();
    }
  }

  /** Reads on until the event of this number is here; it exists already, so this does not take long. */
  async until(id: number): Promise<void> {
    while (this.lastId < id && !this.isClosed) await this.read();
  }

  /** The events up to a number, all by default; the others wait. When the run has closed, all. */
  take(upTo?: number): HistoryEvent[] {
    const count =
      upTo === undefined || this.isClosed
        ? this.queue.length
        : this.queue.filter((e) => toNumber(e.eventId) <= upTo).length;
    return this.queue.splice(0, count);
  }

  /** After a lost connection: waits longer each time, then begins anew, past what was read. */
  async restart(): Promise<void> {
    this.lostAt ??= Date.now();
    if (Date.now() - this.lostAt > patienceMs) {
      throw new EvertrainError('SYSTEM_ENGINE_UNREACHABLE', `The engine was away for ${patienceMs / 60_000} minutes.`, {
        remedy: 'Start it again, then attach to the run: nothing of it is lost.',
      });
    }
    this.page = undefined;
    this.token = undefined;
    this.isClosed = false;
    await sleep(this.delayMs, undefined, { signal: this.options.signal }).catch(() => undefined);
    this.delayMs = Math.min(this.delayMs * 2, 5_000);
  }

  private read(): Promise<void> {
    this.page ??= this.readPage().finally(() => {
      this.page = undefined;
    });
    return this.page;
  }

  private async readPage(): Promise<void> {
    const { client, workflowId, runId, signal } = this.options;
    const request = { workflowId, runId, token: this.token, wait: true };
    const { events, token } = await abortable(client, signal, () => historyPage(client, request));
    this.lostAt = undefined;
    this.delayMs = 250;
    for (const event of events) {
      const id = toNumber(event.eventId);
      if (id <= this.lastId) continue;
      this.lastId = id;
      this.queue.push(event);
    }
    this.token = token;
    this.isClosed = token === undefined;
  }
}

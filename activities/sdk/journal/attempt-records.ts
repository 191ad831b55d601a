import type { Journal } from '../ports.js';
import { recordsKey } from './keys.js';
import { LineBuffer } from './line-buffer.js';
import { masked } from '../secrets.js';

export interface AttemptClose {
  readonly outcome: 'completed' | 'failed' | 'cancelled';
  readonly code?: string;
  readonly message?: string;
  /** Identity of the worker process. */
  readonly worker?: string;
  /** The output came from the step cache. */
  readonly cached?: boolean;
  /** Epoch ms; by default when the journal was opened and is closed. */
  readonly startedAt?: number;
  readonly endedAt?: number;
}

/** What an ended attempt leaves. Times are epoch ms. */
export interface AttemptRecord extends AttemptClose {
  readonly stepId: string;
  readonly attempt: number;
  readonly worker: string;
  readonly startedAt: number;
  readonly endedAt: number;
  readonly durationMs: number;
  /** The last value of each metric. */
  readonly metricsLast: Readonly<Record<string, number>>;
}

/**
 * Nobody waits for them: who reads a run that is at work has its steps from history, and a run's end has them written.
 * So a run that is over sooner writes once, and many at once do not spend their time on files.
 */
const flushAfterMs = 5_000;

interface RunOf {
  readonly workflowId: string;
  readonly runId: string;
}

/**
 * The records of the attempts that end on one worker: a stream a run and worker, so that a fan-out of hundreds of short
 * steps costs a few appends and no file each. Readers take the first record of an attempt that was delivered twice.
 */
export interface AttemptRecords {
  /** Written within 5 s, and tried again while the journal cannot be written. */
  add(run: RunOf, record: AttemptRecord): void;
  /** Writes what has been added, of one run or of all; SYSTEM_STORE_UNAVAILABLE when it cannot. */
  flush(run?: RunOf): Promise<void>;
}

/** `worker` names the one writer of the streams: unique among all worker processes. */
export function openAttemptRecords(journal: Journal, worker: string): AttemptRecords {
  const buffers = new Map<string, LineBuffer>();
  return {
    add(run, record) {
      const buffer = buffers.get(run.runId) ?? openBuffer(run);
      buffer.add(masked(JSON.stringify(record)));
    },
    async flush(run) {
      if (run !== undefined) return buffers.get(run.runId)?.flush();
      await Promise.all([...buffers.values()].map((buffer) => buffer.flush()));
    },
  };

  /** A buffer that has nothing left is forgotten with its run. */
  function openBuffer({ workflowId, runId }: RunOf): LineBuffer {
    const key = recordsKey(workflowId, runId, worker);
    const append = async (lines: readonly string[]) => {
      await journal.append(key, lines);
      if (buffer.isEmpty) buffers.delete(runId);
    };
    const buffer = new LineBuffer(append, { flushAfterMs });
    buffers.set(runId, buffer);
    return buffer;
  }
}

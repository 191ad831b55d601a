import type { Readable } from 'node:stream';

/** How a job's main process ended. `lost`: whatever watched it ended first, and took the job with it. */
export type JobEnd =
  | { readonly kind: 'exited'; readonly code: number }
  | { readonly kind: 'killed'; readonly signal: string }
  | { readonly kind: 'lost'; readonly why: string };

/** A job that runs: what `runJob` needs to follow it, wherever it runs. */
export interface JobProcess {
  readonly stdout: Readable;
  readonly stderr: Readable;
  /** Settles once the main process and all its descendants are gone; never rejects. */
  readonly ended: Promise<JobEnd>;
  /** Sends a line to the job, without its line end. */
  acknowledge(line: string): void;
  /** SIGTERM goes to the job's process group; SIGKILL ends every descendant too. */
  stop(signal: 'SIGTERM' | 'SIGKILL'): void;
}

/** The end of a process as Node tells it. */
export function endOf(code: number | null, signal: string | null): JobEnd {
  return code === null ? { kind: 'killed', signal: signal ?? 'an unknown signal' } : { kind: 'exited', code };
}

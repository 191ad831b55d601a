import type { AttemptRecords } from './journal/attempt-records.js';
import type { ArtifactStore, Journal, TellRun } from './ports.js';

/** What a worker gives to the steps that it runs. */
export interface StepServices {
  readonly store: ArtifactStore;
  readonly journal: Journal;
  readonly records: AttemptRecords;
  /** Names the worker process in attempt records. */
  readonly identity: string;
  /** Parent of the attempts' work folders. */
  readonly tmpDir: string;
  /** Writes that a step's answer does not wait for; the worker awaits them when it ends. */
  readonly background: Set<Promise<unknown>>;
  /** Shows a step's log lines where the worker's own go. */
  readonly log: (level: 'debug' | 'info' | 'warn' | 'error', message: string, fields: Record<string, unknown>) => void;
  /** Of an attempt's log, in bytes; default 128 MiB. */
  readonly logCapBytes?: number;
  /** Absent where no engine is: then nobody is told what a step reports to its run. */
  readonly tell?: TellRun;
}
